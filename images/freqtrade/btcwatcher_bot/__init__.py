"""What wraps freqtrade in the bot's container: preflight, credentials, health files and honest exit codes.

Runs inside freqtrade's own environment, so it imports nothing but the standard library and, late, freqtrade.
"""
