"""The Exchanges: who uses the market-data cache, and how that fares."""
