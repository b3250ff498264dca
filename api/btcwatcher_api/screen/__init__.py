"""The fleet screen: one FreqUI with every bot in it, signed in to with the API's users."""
