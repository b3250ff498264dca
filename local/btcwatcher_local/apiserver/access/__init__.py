"""Who a request comes from, and whether they may: tokens, RBAC and the questions about both."""
