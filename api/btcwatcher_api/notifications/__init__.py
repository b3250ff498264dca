"""Who is told of signals and alerts: channels, the worker that sends, and the record of every attempt."""
