"""Server-side apply: field sets, ownership by manager, conflicts."""
