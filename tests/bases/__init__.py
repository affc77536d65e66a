"""Tests of skflow.bases."""
