"""Floor 0: helpers that know nothing about competitions or search."""
