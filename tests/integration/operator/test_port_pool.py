"""Ports of the pool on an API server: kept, never shared, handed on in order of age."""

from typing import Any

import pytest

from support.kubectl import Kubectl, until
from support.operator_process import Operator
from support.seen import condition, port, settled, strategy

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]


def named(manifest: Object, name: str) -> Object:
    return {**manifest, "metadata": {**manifest["metadata"], "name": name}}


def service_port(kubectl: Kubectl, namespace: str, name: str) -> int | None:
    service = kubectl.get("service", name, namespace)
    return service["spec"]["ports"][0]["port"] if service else None


def has_port(kubectl: Kubectl, namespace: str, name: str, wanted: int) -> None:
    """Waits until status and Service have it."""
    until(lambda: port(kubectl, namespace, name) == wanted, f"{name} has port {wanted}", 60)
    until(lambda: service_port(kubectl, namespace, name) == wanted, f"the Service of {name} is on port {wanted}", 60)


def waits(kubectl: Kubectl, namespace: str, name: str) -> None:
    until(lambda: condition(kubectl, namespace, name=name).get("reason") == "PortPoolExhausted", f"{name} waits", 60)


def test_freed_ports_go_to_the_waiting_in_order_of_age(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    operator.kill()
    operator.start(port_range="9301-9302")
    # Names against the order of age; times of Kubernetes are whole seconds, so each waits for the next second.
    ages: list[str] = []
    for name in ("zeta", "yota", "delta", "charlie", "bravo"):
        kubectl.apply(named(manifest, name))
        made = strategy(kubectl, namespace, name)["metadata"]["creationTimestamp"]
        while ages and made == ages[-1]:
            kubectl("-n", namespace, "delete", "strategy", name)
            kubectl.apply(named(manifest, name))
            made = strategy(kubectl, namespace, name)["metadata"]["creationTimestamp"]
        ages.append(made)
        if len(ages) <= 2:
            has_port(kubectl, namespace, name, 9300 + len(ages))
        else:
            waits(kubectl, namespace, name)
    assert kubectl.get("statefulset", "delta", namespace) is None, "nothing is made without a port"

    # The order of age holds across a restart, and a suspended Strategy keeps its port.
    kubectl.patch("strategy", "zeta", namespace, {"spec": {"state": "Suspended"}})
    until(lambda: condition(kubectl, namespace, name="zeta").get("reason") == "Suspended", "zeta is suspended", 60)
    operator.kill()
    operator.start(port_range="9301-9302")
    kubectl("-n", namespace, "delete", "strategy", "yota")
    has_port(kubectl, namespace, "delta", 9302)
    kubectl("-n", namespace, "delete", "strategy", "charlie")
    assert port(kubectl, namespace, "zeta") == 9301
    kubectl("-n", namespace, "delete", "strategy", "zeta")
    has_port(kubectl, namespace, "bravo", 9301)
    assert condition(kubectl, namespace, name="bravo")["reason"] != "PortPoolExhausted"


def test_of_two_with_the_same_port_the_older_keeps_it(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    kubectl.apply(named(manifest, "second"))
    until(lambda: port(kubectl, namespace, "second"), "the second has a port", 60)
    settled(kubectl, namespace, "second")
    operator.kill()
    # As a restored backup or a hand can leave it.
    taken = port(kubectl, namespace)
    kubectl.patch("strategy", "second", namespace, {"status": {"port": taken}}, "--subresource=status")
    operator.start()
    until(lambda: port(kubectl, namespace, "second") != taken, "the second has another port", 60)
    assert port(kubectl, namespace) == taken
    second = port(kubectl, namespace, "second")
    assert second is not None
    has_port(kubectl, namespace, "second", second)


def test_another_range_moves_only_who_is_outside_of_it(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    has_port(kubectl, namespace, "ema", 8081)
    kubectl.apply(named(manifest, "second"))
    has_port(kubectl, namespace, "second", 8082)
    operator.kill()
    operator.start(port_range="8082-8090")
    has_port(kubectl, namespace, "ema", 8083)
    has_port(kubectl, namespace, "second", 8082)
    (container,) = settled(kubectl, namespace)["StatefulSet", "ema"]["spec"]["template"]["spec"]["containers"]
    assert container["ports"][0]["containerPort"] == 8083


def test_a_port_is_used_again_after_a_deletion(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    has_port(kubectl, namespace, "ema", 8081)
    # Gone while nobody looks: no event ever comes.
    operator.kill()
    kubectl("-n", namespace, "delete", "strategy", "ema")
    operator.start()
    kubectl.apply(named(manifest, "second"))
    has_port(kubectl, namespace, "second", 8081)
