"""`kubectl btcwatcher`: Strategies at the terminal. It reaches the cluster through kubectl itself."""
