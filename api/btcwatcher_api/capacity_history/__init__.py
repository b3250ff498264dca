"""How full the platform was: rows that the active collector writes, and trends made of them."""
