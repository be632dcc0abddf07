"""Measurements of speed, each a ratio within one run."""
