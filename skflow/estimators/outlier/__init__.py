"""Outliers: rows of low density, beside rows that the density has not seen."""
