"""Level 2 of a run: what changes the agents, and what that is made of."""
