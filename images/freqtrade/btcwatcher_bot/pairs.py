"""Which pairs of the config the exchange does not trade, and why."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Market = Mapping[str, object]
_QUOTED = 12


@dataclass(frozen=True, slots=True)
class PairCheck:
    """The pairs that are left, and those freqtrade will drop with the reason of each."""

    traded: tuple[str, ...]
    missing: Mapping[str, str]

    @property
    def message(self) -> str:
        """One sentence that names the missing pairs."""
        reasons = [f"{pair} ({why})" for pair, why in list(self.missing.items())[:_QUOTED]]
        more = len(self.missing) - len(reasons)
        return "freqtrade will not trade " + ", ".join(reasons) + (f" and {more} more" if more > 0 else "")


def check_pairs(
    whitelist: Sequence[str],
    blacklist: Sequence[str],
    markets: Mapping[str, Market],
    stake_currency: str,
    exchange: str,
    tradable: Callable[[Market], bool],
) -> PairCheck:
    """Compare the whitelist with the exchange's markets, as freqtrade's StaticPairList does.

    An entry may be a pattern, which is missing when it matches no market. Raises ValueError for a pattern that is
    none.
    """
    traded: list[str] = []
    missing: dict[str, str] = {}
    for entry in whitelist:
        found = _matching(entry, markets)
        if not found:
            missing[entry] = f"not on {exchange}"
            continue
        wrong = {
            pair: why for pair in found if (why := _why_not(pair, markets[pair], stake_currency, tradable)) is not None
        }
        left = [pair for pair in found if pair not in wrong]
        traded += left
        if not left:
            missing[entry] = next(iter(wrong.values()))
    banned = {pair for entry in blacklist for pair in _matching(entry, markets)}
    return PairCheck(tuple(pair for pair in dict.fromkeys(traded) if pair not in banned), missing)


def _matching(entry: str, markets: Mapping[str, Market]) -> list[str]:
    if entry in markets:
        return [entry]
    try:
        pattern = re.compile(entry, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"pair {entry!r} is neither a pair nor a pattern: {error}") from error
    return [pair for pair in markets if pattern.fullmatch(pair)]


def _why_not(pair: str, market: Market, stake: str, tradable: Callable[[Market], bool]) -> str | None:
    if not tradable(market):
        return "not tradable in this trading mode"
    if market.get("quote") != stake:
        return f"quoted in {market.get('quote')}, the stake is {stake}"
    if market.get("active") is False:
        return "its market is closed"
    return None
