"""What a person is told when a command cannot do what was asked."""


class PluginError(Exception):
    """A sentence that says what is wrong and, where that is known, what to do. It ends the command with status 1."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
