"""Agents side by side on the same competitions and seeds."""
