"""Densities that are one flow: a family a file."""
