"""Files of a competition as they lie: listed, unpacked, recognised as tables, read. Runs in a
worker process.
"""
