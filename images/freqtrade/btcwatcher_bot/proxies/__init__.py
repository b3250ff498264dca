"""The way of a bot's exchange traffic through the Proxies of its Strategy, first healthy one first.

freqtrade (ccxt) knows one proxy, no SOCKS without more packages, and logs what it is told. So it is told a forwarder on
the loopback address of this very process, which opens each connection through one of the Proxies. See
docs/decisions/0030.
"""
