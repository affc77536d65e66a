"""How much likelier a row is in one table than in another."""
