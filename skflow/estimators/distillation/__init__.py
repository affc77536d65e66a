"""Flows that are fitted to other flows."""
