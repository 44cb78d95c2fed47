"""Rules that make a label table of what a competition has instead of one, and their order.

Runs in a worker process.
"""
