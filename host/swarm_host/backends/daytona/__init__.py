"""Sandboxes of Daytona. The library is imported inside functions: it is optional and slow to load."""
