"""Deployment -> ReplicaSets, one per pod template."""
