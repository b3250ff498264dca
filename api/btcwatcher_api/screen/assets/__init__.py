"""What the screen adds to FreqUI in the browser: the sign-in page, and the script that gives FreqUI its bots."""
