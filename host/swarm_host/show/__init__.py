"""What a user sees while units run."""
