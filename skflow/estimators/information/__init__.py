"""How many nats two halves of a row tell of each other."""
