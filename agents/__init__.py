"""Floor 4: writers of programs. They answer briefs and never touch the loop."""
