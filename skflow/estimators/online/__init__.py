"""Flows that learn rows that come in blocks: `partial_fit`."""
