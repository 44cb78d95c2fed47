"""The offline competition pack: real data in the layout of the benchmark, made here, graded here."""
