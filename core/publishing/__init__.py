"""What the user finds: submission, code, reports, and the screen while it runs."""
