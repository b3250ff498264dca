"""Endpoints and EndpointSlice: what is left out of a port or an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .builtin import BuiltinBehaviour

if TYPE_CHECKING:
    from ..objects import JsonObject


class EndpointsBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        for subset in obj.get("subsets") or []:
            for port in subset.get("ports") or []:
                port.setdefault("protocol", "TCP")


class EndpointSliceBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        for endpoint in obj.get("endpoints") or []:
            endpoint.setdefault("conditions", {})
        for port in obj.get("ports") or []:
            port.setdefault("protocol", "TCP")
            port.setdefault("name", "")
