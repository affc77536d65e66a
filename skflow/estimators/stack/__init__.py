"""Mixtures of densities, weighed by rows that these have not seen."""
