"""The way to Kubernetes: a connection that heals, and its refusals in words for people."""
