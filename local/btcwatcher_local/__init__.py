"""The embedded one-machine cluster: for trying out, developing and testing, never for trading real money."""
