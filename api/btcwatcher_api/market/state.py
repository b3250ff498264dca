"""How each Exchange is doing, for the operator, who writes it into the Exchange's status."""

from btcwatcher_api.market.bans import moment
from btcwatcher_api.market.exchanges import Exchange
from btcwatcher_api.market.lane import Lane
from btcwatcher_api.market.proxies import BadProxyError, ProxyMissingError, read_proxy
from btcwatcher_crds.conditions import ExchangeReason
from btcwatcher_crds.market_status import ExchangeState


def state_of(exchange: Exchange, lanes: list[Lane]) -> ExchangeState:
    """By the lanes to its hosts, as far as bots have asked for them. The worst is told."""
    try:
        read_proxy(exchange.proxy_url_file)
    except ProxyMissingError as error:
        return ExchangeState(reason=ExchangeReason.SECRET_MISSING, message=str(error))
    except BadProxyError as error:
        return ExchangeState(reason=ExchangeReason.URL_INVALID, message=str(error))
    banned = max((lane.banned_until for lane in lanes), default=0.0)
    if banned:
        return ExchangeState(
            reason=ExchangeReason.BANNED,
            message=f"The exchange wants to be left alone until {moment(banned)}: nothing is asked before, for no bot.",
        )
    failing = next((lane.failing for lane in lanes if lane.failing), "")
    if failing:
        return ExchangeState(reason=ExchangeReason.UPSTREAM_FAILING, message=failing)
    if any(lane.slowed for lane in lanes):
        return ExchangeState(
            reason=ExchangeReason.SLOWED,
            message="Bots ask for more than the limit gives: questions wait for their turn. Fewer pairs or longer"
            " candles ask less.",
        )
    if not lanes:
        return ExchangeState(reason=ExchangeReason.NOT_ASKED, message="No bot has asked for it yet.")
    return ExchangeState(reason=ExchangeReason.SERVING, message="The exchange answers.")
