"""What is scored: the metric that a description names, and the kind of values that labels are. Runs
in a worker process.
"""
