"""Proxies: which there are, whether they work, and what is said of that in their status."""
