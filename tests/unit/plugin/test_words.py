"""The plugin's plain strings are the contract's."""

from btcwatcher_crds.conditions import ConditionType, ProxyConditionType, Reason
from btcwatcher_crds.strategy import Mode, State, UpdateStrategy
from btcwatcher_plugin import words


def test_the_words_are_the_contracts() -> None:
    contract = {
        "RUNNING": State.RUNNING,
        "PAUSED": State.PAUSED,
        "SUSPENDED": State.SUSPENDED,
        "LIVE": Mode.LIVE,
        "AUTO": UpdateStrategy.AUTO,
        "MANUAL": UpdateStrategy.MANUAL,
        "READY": ConditionType.READY,
        "CONFIG_DRIFT": ConditionType.CONFIG_DRIFT,
        "PROXY_HEALTHY": ProxyConditionType.HEALTHY,
        "UPDATE_AVAILABLE": Reason.UPDATE_AVAILABLE,
    }
    ours = {name: value for name, value in vars(words).items() if name.isupper() and isinstance(value, str)}
    assert ours == {name: member.value for name, member in contract.items()}
    assert set(words.STATES) == {member.value for member in State}
