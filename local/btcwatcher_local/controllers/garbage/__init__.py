"""Garbage collection by owner references, for every kind the API server serves."""
