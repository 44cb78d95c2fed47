"""Many units at once: planned, queued and led to their end, and the folder that tells of them."""
