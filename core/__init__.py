"""Floors 1 to 3: records and protocols, the six parts that do the work, and the loop above them."""
