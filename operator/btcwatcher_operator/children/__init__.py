"""The children of a Strategy: one pure builder per kind. They import nothing but the contract."""
