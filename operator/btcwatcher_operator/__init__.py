"""The operator: turns Strategies into running bots and says how they fare."""
