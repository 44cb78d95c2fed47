"""Writing what a model reads: prompts, and the pieces that they are made of."""
