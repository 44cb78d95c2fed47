"""Runs one candidate program in its own box, within limits, and leaves nothing running."""
