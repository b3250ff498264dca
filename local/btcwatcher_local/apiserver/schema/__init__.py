"""Types of objects: of the builtin kinds from published OpenAPI data, of custom kinds from their CRD."""
