"""meta.k8s.io Table: what `kubectl get` prints, column by column."""
