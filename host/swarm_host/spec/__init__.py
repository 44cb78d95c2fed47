"""Specification files: YAML of specification 000, checked whole before anything starts."""
