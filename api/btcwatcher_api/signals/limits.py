"""How long the text of a signal may be, in characters."""

from typing import Final

PAIR_LENGTH: Final = 64
NAME_LENGTH: Final = 255
MESSAGE_LENGTH: Final = 65_536
