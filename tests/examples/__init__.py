"""Tests of what the examples share."""
