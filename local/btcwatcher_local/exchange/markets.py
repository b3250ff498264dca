"""What is traded on the paper exchange: the markets, their usual price and their precision."""

import math
from dataclasses import dataclass

# Price in USDT around which each coin moves: the right order of magnitude is what matters, so that amounts,
# precision and minimum notional behave as traders expect them to.
_USDT_PRICES: dict[str, float] = {
    "BTC": 92_000.0,
    "ETH": 3_400.0,
    "BNB": 880.0,
    "SOL": 165.0,
    "XRP": 2.35,
    "ADA": 0.68,
    "DOGE": 0.21,
    "TRX": 0.29,
    "AVAX": 24.0,
    "LINK": 17.5,
    "DOT": 4.1,
    "LTC": 98.0,
    "BCH": 520.0,
    "UNI": 8.4,
    "ATOM": 4.3,
    "ETC": 19.5,
    "XLM": 0.33,
    "NEAR": 2.9,
    "APT": 4.6,
    "ARB": 0.36,
    "OP": 0.58,
    "FIL": 2.1,
    "ICP": 4.9,
    "HBAR": 0.19,
    "VET": 0.021,
    "ALGO": 0.2,
    "AAVE": 245.0,
    "MKR": 1_650.0,
    "GRT": 0.083,
    "SAND": 0.26,
    "MANA": 0.28,
    "AXS": 1.9,
    "THETA": 0.72,
    "EGLD": 14.0,
    "XTZ": 0.7,
    "FLOW": 0.38,
    "CHZ": 0.039,
    "CRV": 0.74,
    "SNX": 0.68,
    "COMP": 43.0,
    "DASH": 31.0,
    "ZEC": 62.0,
    "ENJ": 0.066,
    "BAT": 0.15,
    "IOTA": 0.19,
    "NEO": 6.1,
    "QTUM": 2.3,
    "KSM": 15.5,
    "RUNE": 1.3,
    "INJ": 12.5,
    "SUI": 3.1,
    "SEI": 0.28,
    "TIA": 1.7,
    "IMX": 0.52,
    "LDO": 1.1,
    "STX": 0.66,
    "TON": 3.0,
    "PEPE": 0.0000102,
    "SHIB": 0.0000125,
    "WIF": 0.82,
}
_BTC_QUOTED = ("ETH", "BNB", "SOL", "XRP", "ADA", "LTC", "LINK", "DOGE")
_SIGNIFICANT_DIGITS = 6
_MAX_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Market:
    """One spot market. Prices are in `quote`, amounts in `base`."""

    base: str
    quote: str
    reference_price: float
    price_decimals: int
    amount_decimals: int

    @property
    def symbol(self) -> str:
        """Binance's name of the market, e.g. BTCUSDT."""
        return self.base + self.quote

    @property
    def tick_size(self) -> float:
        """Smallest step of a price, in quote."""
        return float(10**-self.price_decimals)

    @property
    def min_notional(self) -> float:
        """Smallest order, in quote."""
        return 5.0 if self.quote == "USDT" else 0.0001


def _price_decimals(price: float) -> int:
    whole_digits = math.floor(math.log10(price)) + 1
    return max(2, min(_MAX_DECIMALS, _SIGNIFICANT_DIGITS - whole_digits))


def _amount_decimals(price_in_usdt: float) -> int:
    """A lot is worth about a tenth of a US dollar cent to a few cents, as on Binance."""
    return max(0, min(_MAX_DECIMALS, math.ceil(math.log10(price_in_usdt)) + 1))


def _market(base: str, quote: str, price: float) -> Market:
    return Market(
        base=base,
        quote=quote,
        reference_price=price,
        price_decimals=_price_decimals(price),
        amount_decimals=_amount_decimals(_USDT_PRICES[base]),
    )


MARKETS: dict[str, Market] = {
    market.symbol: market
    for market in (
        *(_market(base, "USDT", price) for base, price in _USDT_PRICES.items()),
        *(_market(base, "BTC", _USDT_PRICES[base] / _USDT_PRICES["BTC"]) for base in _BTC_QUOTED),
    )
}
