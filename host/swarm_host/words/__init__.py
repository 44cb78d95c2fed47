"""Variables, secrets, mounts, JSON and YAML: how texts are read and written. Knows records and errors,
and nothing that runs.
"""
