"""More than one process that serves, behind one port."""
