"""The preview: one bounded look at tables and files, for a prompt. Runs in a worker process."""
