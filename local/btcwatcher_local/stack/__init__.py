"""Starts the whole of BTC Watcher on one machine, in order, and stops it again with no process left behind."""
