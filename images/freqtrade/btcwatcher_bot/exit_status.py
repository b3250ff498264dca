"""What the container's exit status says."""

ASKED_TO_END = 130
"""freqtrade's status after SIGTERM or SIGINT."""


def exit_status(returned: object, hung: bool) -> int:
    """The honest status for what freqtrade returned.

    freqtrade ends with 0 after a bad config; a trading bot that ends by itself has failed, whatever it says. Only
    one that was asked to end, and was not hung when it was asked, ended well.
    """
    if returned == ASKED_TO_END:
        return 1 if hung else 0
    if isinstance(returned, int) and 0 < returned < 256:
        return int(returned)
    return 1
