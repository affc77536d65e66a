"""A classifier by densities: one for each class, on common ground, and what follows from them."""
