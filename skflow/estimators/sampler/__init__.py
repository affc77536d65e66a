"""Draws and evidence of a density that is known up to a constant."""
