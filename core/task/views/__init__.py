"""Which rows are held out, and the folders that programs see instead of the competition. Runs in a
worker process.
"""
