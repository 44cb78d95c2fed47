"""Where competitions come from. A source knows the truth and keeps it on this side."""
