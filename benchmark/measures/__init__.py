"""What is measured, beside the comparison of searches: whole runs, other programs, single costs."""
