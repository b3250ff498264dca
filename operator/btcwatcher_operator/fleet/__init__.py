"""The fleet switches: whom they hold, and what they do at each bot."""
