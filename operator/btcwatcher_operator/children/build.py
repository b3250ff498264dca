"""All children of a Strategy, from the Strategy, the platform and the port: a pure function."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from btcwatcher_crds import names
from btcwatcher_crds.derive import bot_api_credentials, webhook_token
from btcwatcher_crds.strategy import State, Strategy
from btcwatcher_operator.children.bot_config import bot_config
from btcwatcher_operator.children.canonical import canonical_json, short_hash
from btcwatcher_operator.children.http_route import http_route, path
from btcwatcher_operator.children.ingress import host, ingress
from btcwatcher_operator.children.market import Market
from btcwatcher_operator.children.metadata import Object
from btcwatcher_operator.children.preflight_job import preflight_job
from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.children.secrets import access_secret, revision_secret
from btcwatcher_operator.children.service import service
from btcwatcher_operator.children.stateful_set import pod_template, stateful_set
from btcwatcher_operator.children.volume_claim import volume_claim
from btcwatcher_operator.platform import Platform

POD_TEMPLATE_FILE = "pod-template.json"
"""Key of a revision Secret with the pod that runs it; not mounted."""

_NOT_OF_A_REVISION = {"signals", "state", "expose", "storage", "update_strategy"}


@dataclass(frozen=True, slots=True)
class Revision:
    """All that a change of would restart the bot: the rendered config, the source and the pod around them."""

    name: str
    """Hash of all of it."""
    files: dict[str, str]
    """The content of the revision's Secret."""
    asked: str = ""
    """Hash of what the Strategy itself asks for; empty: not known."""
    brought_by: str = ""
    """The platform whose roll-out brought the revision; empty: it came of the Strategy's own spec."""

    @property
    def annotations(self) -> dict[str, str]:
        """What its Secret says of where it comes from; no part of the revision."""
        said = {names.ANNOTATION_ASKED: self.asked, names.ANNOTATION_BROUGHT_BY: self.brought_by}
        return {name: value for name, value in said.items() if value}

    @property
    def template(self) -> Object:
        template: Object = json.loads(self.files[POD_TEMPLATE_FILE])
        return template

    @property
    def image(self) -> str:
        image: str = self.template["spec"]["containers"][0]["image"]
        return image


def render_revision(
    strategy: Strategy,
    platform: Platform,
    port: int,
    source: str | None,
    proxies: Sequence[ProxySource] = (),
    market: Market | None = None,
) -> Revision:
    """The revision that the spec asks for.

    `source`: the strategy's Python source, unless the image ships it; `proxies`: those that proxyRefs names; `market`:
    the cache of the exchange's market data, if the bot uses it.
    """
    files = {names.CONFIG_FILE: canonical_json(bot_config(strategy, platform, port, market))}
    if source is not None:
        files[names.SOURCE_FILE] = source
    has_source = source is not None
    nameless = pod_template(strategy, platform, port, "", has_source=has_source, proxies=proxies, market=market)
    name = short_hash([files, nameless])
    template = pod_template(strategy, platform, port, name, has_source=has_source, proxies=proxies, market=market)
    return Revision(name, {**files, POD_TEMPLATE_FILE: canonical_json(template)}, asked(strategy, port, source))


def asked(strategy: Strategy, port: int, source: str | None) -> str:
    """Hash of all in a Strategy that can change its revision. Nothing of the platform is in it, and no default.

    The number in front is raised with the way it is made: a hash made in another way says that nothing is known.
    """
    said = strategy.spec.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_OF_A_REVISION)
    return f"1-{short_hash([said, port, source])}"


def children(
    strategy: Strategy, platform: Platform, port: int, revision: Revision, restarted_at: str | None = None
) -> list[Object]:
    """The children, in the order they are made: what a pod needs is there before the StatefulSet.

    `revision` is the one to run, which can be an older one than the spec asks for; `restarted_at` the restart
    annotation that its pod has.
    """
    namespace, name = strategy.metadata.namespace, strategy.metadata.name
    token = webhook_token(platform.webhook_key, namespace, name, strategy.spec.signals.token_generation)
    bot_api = bot_api_credentials(platform.bot_key, namespace, name)
    built = [
        access_secret(strategy, platform.webhook_url, token, bot_api),
        revision_secret(strategy, revision.name, revision.files, revision.annotations),
        volume_claim(strategy, platform.volume_access_mode),
        service(strategy, port),
        stateful_set(strategy, _restartable(revision.template, restarted_at), _replicas(strategy)),
    ]
    if strategy.spec.expose.enabled and platform.base_domain:
        built.append(http_route(strategy, port, platform) if platform.gateway else ingress(strategy, port, platform))
    return built


def trial(strategy: Strategy, revision: Revision) -> list[Object]:
    """What a revision needs to be tried beside the running bot."""
    return [
        revision_secret(strategy, revision.name, revision.files, revision.annotations),
        preflight_job(strategy, revision.name, revision.template),
    ]


def url(strategy: Strategy, platform: Platform) -> str | None:
    """Where the bot is reachable from outside, or None where it is not."""
    if not (strategy.spec.expose.enabled and platform.base_domain):
        return None
    port = f":{platform.url_port}" if platform.url_port else ""
    if platform.gateway and platform.gateway.by_path:
        return f"{platform.url_scheme}://{platform.base_domain}{port}{path(strategy)}/"
    return f"{platform.url_scheme}://{host(strategy, platform.base_domain)}{port}/"


def _replicas(strategy: Strategy) -> int:
    return 0 if strategy.spec.state is State.SUSPENDED else 1


def _restartable(template: Object, restarted_at: str | None) -> Object:
    """The pod template with the restart annotation: changing it replaces the pod, as `kubectl rollout restart` does."""
    if restarted_at is None:
        return template
    metadata: dict[str, Any] = dict(template["metadata"])
    metadata["annotations"] = {**metadata.get("annotations", {}), names.ANNOTATION_RESTARTED_AT: restarted_at}
    return {**template, "metadata": metadata}
