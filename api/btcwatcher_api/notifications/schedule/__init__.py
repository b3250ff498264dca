"""When a message may go out: pure decisions over a channel's spec, its state and the time."""
