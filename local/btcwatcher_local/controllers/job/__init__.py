"""Job -> Pods, to completion or failure."""
