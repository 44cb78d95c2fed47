"""Where the held-out errors of a program lie, for those who write its successors. Runs in a worker
process.
"""
