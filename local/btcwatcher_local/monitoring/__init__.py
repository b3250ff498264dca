"""Prometheus and Alertmanager on this machine: which programs there are, their configurations and command lines."""
