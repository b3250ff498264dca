"""The patch formats that are pure functions of document and patch."""
