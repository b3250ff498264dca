"""Signals: taken in over the webhook, graded, kept, and read back."""
