"""Grading in worker processes with limits: a submission is hostile input."""
