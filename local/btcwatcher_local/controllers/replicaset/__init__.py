"""ReplicaSet -> Pods."""
