"""`btcwatcher-api collect`: visits each bot's own API, fills in signals that never arrived, exports trading figures."""
