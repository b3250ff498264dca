"""What the API knows of Strategies: a copy in memory, kept by a watch."""
