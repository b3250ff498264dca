"""x-kubernetes-validations: CEL rules of custom kinds."""
