"""Which agents there are, and how each is run."""
