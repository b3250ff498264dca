"""The process itself: health, readiness and figures."""
