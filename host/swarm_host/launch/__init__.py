"""What the commands share, from a specification to its end: planned, checked, led, told."""
