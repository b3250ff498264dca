"""Proxies by REST: another view of the custom resource. The Secrets with their URLs are never read here."""
