"""Data points: what the user offers, how callbacks are called, what they return. No protocol."""
