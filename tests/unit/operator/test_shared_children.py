"""What the bots of a namespace share: an account without rights and, where the platform says so, a policy."""

from typing import Any

import pytest

from btcwatcher_crds import names
from btcwatcher_operator.children.shared import shared_children
from btcwatcher_operator.platform import Shared
from support.reach import Address, End, Pod, reaches
from support.shared_objects import NETWORK

Object = dict[str, Any]

BOT = Pod("trading", {names.LABEL_COMPONENT: "bot", names.LABEL_STRATEGY: "ema"})
TRIAL = Pod("trading", {names.LABEL_COMPONENT: "preflight", names.LABEL_STRATEGY: "ema"})
NEIGHBOUR = Pod("trading", {names.LABEL_COMPONENT: "bot"})
STRANGER = Pod("elsewhere")
EXCHANGE, METADATA = Address("203.0.113.7"), Address("169.254.169.254")


def policy(network: Object = NETWORK) -> Object:
    return shared_children("trading", Shared(network=network))[1]


def test_the_account_has_no_token_and_names_what_pulls_images() -> None:
    (account,) = shared_children("trading", Shared())
    assert (account["kind"], account["metadata"]["name"]) == ("ServiceAccount", "btcwatcher-bots")
    assert account["automountServiceAccountToken"] is False
    assert "imagePullSecrets" not in account
    (account,) = shared_children("trading", Shared(image_pull_secrets=("a", "b")))
    assert account["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


def test_they_belong_to_the_namespace_and_to_no_strategy() -> None:
    for child in shared_children("trading", Shared(network=NETWORK)):
        metadata = child["metadata"]
        assert (metadata["name"], metadata["namespace"]) == (names.SHARED_NAME, "trading")
        assert metadata["labels"][names.LABEL_MANAGED_BY] == names.MANAGED_BY
        assert names.LABEL_STRATEGY not in metadata["labels"]
        assert "ownerReferences" not in metadata


@pytest.mark.parametrize(
    ("source", "target", "port", "gets_through"),
    [
        (NEIGHBOUR, BOT, 8081, True),
        (NEIGHBOUR, BOT, 80, False),
        (STRANGER, BOT, 8081, False),
        (BOT, EXCHANGE, 443, True),
        (TRIAL, EXCHANGE, 443, True),
        (BOT, METADATA, 80, False),
        (TRIAL, METADATA, 80, False),
        (NEIGHBOUR, METADATA, 80, True),
    ],
)
def test_it_is_about_bots_and_trials_and_about_nobody_else(
    source: End, target: End, port: int, gets_through: bool
) -> None:
    assert reaches([policy()], source, target, port) is gets_through


@pytest.mark.parametrize("network", [{}, {"ingress": [], "egress": []}])
def test_what_is_not_let_through_is_denied(network: Object) -> None:
    spec = policy(network)["spec"]
    # The API server drops empty lists: with them it would look changed for ever.
    assert set(spec) == {"podSelector", "policyTypes"}
    assert not reaches([policy(network)], BOT, EXCHANGE, 443)
    assert not reaches([policy(network)], NEIGHBOUR, BOT, 8081)


def test_it_is_written_as_the_api_server_gives_it_back() -> None:
    spec = policy({"ingress": [{"from": [], "ports": [{"port": 8081}]}], "egress": [{}]})["spec"]
    assert spec["ingress"] == [{"ports": [{"port": 8081, "protocol": "TCP"}]}]
    assert spec["egress"] == [{}]
