"""Reading what a model wrote: plan, program, edits, and what speaks against running it. Pure."""
