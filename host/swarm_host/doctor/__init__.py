"""What this machine lacks: facts are gathered in one file and judged in another."""
