"""The API: signals in, history out; later notifications, accounts and the REST view of Strategies."""
