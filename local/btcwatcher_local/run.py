"""`btcwatcher-local up`: the whole system, until Ctrl-C."""

import asyncio

from btcwatcher_local.stack.examples import apply_examples, follow_until_ready
from btcwatcher_local.stack.layout import kubectl
from btcwatcher_local.stack.progress import Progress
from btcwatcher_local.stack.signals import arriving, line
from btcwatcher_local.stack.stack import Stack, Wishes, running_stack


async def up(wishes: Wishes, *, examples: bool) -> None:
    """Runs until cancelled. Raises what the stack raises."""
    progress = Progress()
    async with running_stack(wishes, progress) as stack:
        if examples:
            progress.say("applying manifests/examples")
            await apply_examples(stack)
        _show_addresses(stack)
        async with asyncio.TaskGroup() as group:
            group.create_task(_print_signals(stack))
            group.create_task(follow_until_ready(stack))
            group.create_task(stack.until_failure())


async def _print_signals(stack: Stack) -> None:
    async for signal in arriving(stack.api_url, stack.read_token):
        stack.progress.plain(line(signal))


def _monitoring(stack: Stack) -> str:
    if not stack.prometheus_url:
        return stack.monitoring_missing or "left out"
    alerts = f"{stack.alertmanager_url}/  (Alertmanager)" if stack.alertmanager_url else stack.monitoring_missing
    return f"{stack.prometheus_url}/  (Prometheus; alerts at /alerts)\n              {alerts}"


def _show_addresses(stack: Stack) -> None:
    layout = stack.layout
    tool = kubectl()
    stack.progress.plain(f"""
  This is an embedded cluster on one machine, with a paper exchange: for trying out, never for real money.

  kubectl     {tool} --kubeconfig {layout.kubeconfig} get strategies -A
  page        {stack.api_url}/  (make the first account there)
  API         {stack.api_url}/docs
  signals     curl -H "Authorization: Bearer $(cat {layout.key("read-token")})" {stack.api_url}/api/v1/signals/
  bots        http://<name>.<namespace>.bots.localhost:{stack.ingress_port}/  (ports {stack.pool})
  figures     {stack.collector_url}/metrics  (trading figures of each bot)
  FreqUI      {stack.screen_url or "left out: give the folder of a built one with --frequi"}
  market data {stack.market_url}/metrics  (one download for all bots)
  messages    {stack.catcher_url}/  (what the example NotificationChannels send)
  monitoring  {_monitoring(stack)}
  database    {layout.postgres}
  logs        {layout.logs}

  Ctrl-C stops everything. Signals appear here as they arrive.
""")
