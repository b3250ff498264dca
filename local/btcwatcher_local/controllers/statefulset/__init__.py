"""StatefulSet -> Pods, ControllerRevisions and PersistentVolumeClaims."""
