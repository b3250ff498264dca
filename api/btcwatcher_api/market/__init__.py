"""`btcwatcher-api market`: one download of public market data for all bots. See decision 0120."""
