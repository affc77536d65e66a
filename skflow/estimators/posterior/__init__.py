"""Distributions that are known by a log density alone."""
