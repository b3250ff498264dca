"""What is known of NotificationChannels."""

from typing import Any

from btcwatcher_api.notifications.registry import ChannelRegistry


def channel(name: str = "desk", namespace: str = "trading", **spec: Any) -> dict[str, Any]:
    spec = {"type": "WeCom", "credentialsRef": {"name": "robot"}, **spec}
    metadata = {"namespace": namespace, "name": name, "managedFields": [{"manager": "kubectl"}]}
    return {"metadata": metadata, "spec": spec}


def test_a_list_replaces_everything_and_makes_it_synced() -> None:
    registry = ChannelRegistry()
    registry.put(channel("old"))
    assert not registry.synced
    registry.replace([channel("new")])
    assert registry.synced
    assert [known.key for known in registry.channels()] == ["trading/new"]
    registry.remove(channel("new"))
    assert len(registry) == 0


def test_one_that_cannot_be_read_is_kept_with_what_is_wrong_and_spares_the_others() -> None:
    registry = ChannelRegistry()
    registry.replace([channel("odd", type="Pigeon", credentialsRef={"name": 5}), channel(), {"metadata": {}}])
    odd, fine = registry.get("trading", "odd"), registry.get("trading", "desk")
    assert odd is not None
    assert fine is not None
    assert (odd.spec, fine.error) == (None, None)
    assert odd.error is not None
    assert "spec.type: Input should be 'Telegram'" in odd.error
    assert "spec.credentialsRef.name: Input should be a valid string" in odd.error
    assert "Pigeon" not in odd.error
    registry.put(channel("odd"))
    mended = registry.get("trading", "odd")
    assert mended is not None
    assert mended.spec is not None


def test_only_chosen_namespaces_are_known_and_managed_fields_are_not_kept() -> None:
    registry = ChannelRegistry(frozenset({"trading"}))
    registry.replace([channel(), channel(namespace="other")])
    assert [known.item["metadata"] for known in registry.channels()] == [{"namespace": "trading", "name": "desk"}]


def test_the_version_tells_of_every_change() -> None:
    registry = ChannelRegistry()
    seen = [registry.version]
    for change in (registry.put, registry.remove):
        change(channel())
        seen.append(registry.version)
    registry.replace([])
    assert len({*seen, registry.version}) == 4
