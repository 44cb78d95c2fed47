"""Language models: real clients, retries, keys, caps, ledger and replay behind
core.protocols.Model.
"""
