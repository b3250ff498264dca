"""`btcwatcher-api worker`: claims deliveries, sends them, and notes what became of each."""
