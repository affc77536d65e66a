"""A regressor whose answer is a density: what it reads, what it adds, what it says."""
