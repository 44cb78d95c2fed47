"""Grading programs, each with `main(arguments) -> exit status`. Each runs in a worker process.

A program prints one line of JSON {"valid", "score", "lower_is_better", "message", "report"} and
returns 0, also for an invalid submission. Any other end says that it could not tell.
"""
