"""The life of one unit from its claim to its grade. Backends, sources and the store are handed in: it
knows no room.
"""
