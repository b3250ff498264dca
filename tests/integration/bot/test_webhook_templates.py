"""The webhook templates that the operator renders, held against freqtrade's own message types."""

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
EXAMPLE = Path(__file__).parents[3] / "images/freqtrade/config.example.json"
FIELDS_OF_FREQTRADE = """
import json, sys
from freqtrade.enums import RPCMessageType
from freqtrade.rpc import rpc_types as t
kinds = {"entry": t.RPCEntryMsg, "entry_fill": t.RPCEntryMsg, "entry_cancel": t.RPCCancelMsg,
         "exit": t.RPCExitMsg, "exit_fill": t.RPCExitMsg, "exit_cancel": t.RPCExitCancelMsg,
         "protection_trigger": t.RPCProtectionMsg, "protection_trigger_global": t.RPCProtectionMsg,
         "liquidation_warning": t.RPCLiquidationWarningMsg, "strategy_msg": t.RPCStrategyMsg,
         "status": t.RPCStatusMsg, "startup": t.RPCStatusMsg, "warning": t.RPCStatusMsg, "exception": t.RPCStatusMsg}
unsent = {"whitelist", "analyzed_df", "new_candle"}
assert set(kinds) | unsent == {str(kind.value) for kind in RPCMessageType}
print(json.dumps({name: sorted(kind.__annotations__) for name, kind in kinds.items()}))
"""


def test_templates_have_exactly_the_fields_of_each_message(freqtrade_python: Path) -> None:
    """A key too many drops the whole message, a key too few loses a field."""
    done = subprocess.run([freqtrade_python, "-c", FIELDS_OF_FREQTRADE], capture_output=True, text=True, check=True)
    example = json.loads(EXAMPLE.read_text())["webhook"]
    for kind, fields in json.loads(done.stdout).items():
        template = example[kind]
        assert template["type"] == kind
        assert sorted(set(template) - {"strategy"}) == fields, kind
        for name in set(fields) - {"type"}:
            assert template[name].startswith("{" + name), (kind, name)
