"""The journal: an append-only file of events, and the state that is a fold over it."""
