"""Densities of data frames as they are, and the questions that they answer."""
