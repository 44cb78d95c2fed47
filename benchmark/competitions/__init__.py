"""The offline competitions: their data, how they are cut, and how submissions are graded."""
