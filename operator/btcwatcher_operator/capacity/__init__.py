"""How many more bots fit, what runs out first, when, and what to buy."""
