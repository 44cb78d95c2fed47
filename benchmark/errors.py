"""What can go wrong in the pack, beside the errors of the project."""

from __future__ import annotations

from utils.errors import SwarmError


class NotRunError(SwarmError):
    """Something that this machine lacks kept a command from running."""


class SubmissionError(SwarmError):
    """The submission cannot be graded."""
