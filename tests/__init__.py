"""A package, because one of the pinned libraries ships a package of the same name."""
