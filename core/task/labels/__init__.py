"""Rules that make a label table of what a competition has instead of one; the order in which they are asked."""
