"""The alert rules as a manifest."""
