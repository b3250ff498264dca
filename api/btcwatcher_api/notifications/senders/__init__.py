"""How a message is handed to a vendor: one file each, and the one entry to them all in `send`."""
