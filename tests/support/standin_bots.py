"""What shell scripts that stand in for a bot have in common."""

from typing import Final

PREFLIGHT: Final = """
if [ "$0" = preflight ]; then
  if grep -q '"timeframe":"7m"' revision/config.json; then
    printf '{"reason": "TimeframeUnsupported", "message": "Invalid timeframe 7m"}' > "$BTCWATCHER_TERMINATION_LOG"
    exit 1
  fi
  exit 0
fi
"""
"""Refuses every config with the timeframe 7m."""
