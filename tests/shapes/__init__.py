"""Twenty-two small folders with the structures of real competitions and data of our own; `python -m
tests.shapes`.
"""
