"""A small ingress: serves Ingress objects by host name and path on one port of this machine."""

from btcwatcher_local.ingress.run import run

__all__ = ["run"]
