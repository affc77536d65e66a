"""Whether a synthetic table is like the real one, and whether it is too much like it."""
