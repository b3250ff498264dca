"""The StatefulSet: the only controller that promises at most one pod, also when a node is lost."""

from collections.abc import Sequence
from typing import Any

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children import market as to_market
from btcwatcher_operator.children.market import Market
from btcwatcher_operator.children.metadata import Object, labels, metadata, selector
from btcwatcher_operator.children.proxies import ProxySource, environment, volume
from btcwatcher_operator.platform import Platform

USER_ID = 10001
"""The unprivileged user of the bot's image."""

# Longer than freqtrade needs to stop while a webhook hangs: two tries of two seconds each, for every open message.
GRACE_PERIOD_SECONDS = 75

# A cold start on a busy node compiles all of freqtrade: 15 s of CPU, many times that when a whole fleet starts at once.
# The delay gives the wrapper time to remove the ready file that a killed predecessor left in the pod's volume.
STARTUP_PROBE = {"initialDelaySeconds": 5, "periodSeconds": 2, "failureThreshold": 450}
READINESS_PROBE = {"periodSeconds": 10, "failureThreshold": 2}
LIVENESS_PROBE = {"periodSeconds": 15, "failureThreshold": 2}

FRESH_MINUTES = 2
"""How old a health file may be. Heavy indicators can keep a busy node's Python from renewing it for a while."""


def stateful_set(strategy: Strategy, template: Object, replicas: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(strategy, names.stateful_set(strategy.metadata.name)),
        "spec": {
            "replicas": replicas,
            "serviceName": names.service(strategy.metadata.name),
            # With OrderedReady a broken image never rolls forward; the field is immutable.
            "podManagementPolicy": "Parallel",
            "revisionHistoryLimit": 1,
            "updateStrategy": {"type": "RollingUpdate"},
            "selector": {"matchLabels": selector(strategy)},
            "template": template,
        },
    }


def pod_template(
    strategy: Strategy,
    platform: Platform,
    port: int,
    revision: str,
    *,
    has_source: bool,
    proxies: Sequence[ProxySource] = (),
    market: Market | None = None,
) -> Object:
    """The pod. It meets the `restricted` Pod Security Standard and mounts no service account token."""
    wanted = strategy.spec.pod_template
    spec: Object = {
        # An account without any right, and no token of it.
        "serviceAccountName": names.SHARED_NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_PERIOD_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {names.LABEL_COMPONENT: names.COMPONENT_BOT}},
            }
        ],
        "initContainers": [_preflight(strategy, platform, proxies, market)],
        "containers": [_bot(strategy, platform, port, proxies, market)],
        "volumes": [*_volumes(strategy, revision, has_source=has_source), *volume(proxies)],
    }
    optional = {
        "nodeSelector": wanted.node_selector,
        "tolerations": wanted.tolerations,
        "affinity": wanted.affinity,
        "priorityClassName": wanted.priority_class_name,
    }
    spec.update({key: value for key, value in optional.items() if value})
    template_metadata: Object = {
        # What the operator selects by cannot be overwritten from the spec.
        "labels": {
            **wanted.labels,
            **labels(strategy),
            names.LABEL_MODE: strategy.spec.mode.value,
            names.LABEL_REVISION: revision,
        }
    }
    if wanted.annotations:
        template_metadata["annotations"] = dict(wanted.annotations)
    return {"metadata": template_metadata, "spec": spec}


def _container(
    strategy: Strategy,
    platform: Platform,
    name: str,
    args: list[str],
    proxies: Sequence[ProxySource],
    market: Market | None,
) -> Object:
    resources = strategy.spec.resources
    built: Object = {
        "name": name,
        "image": strategy.spec.image or platform.image,
        "args": args,
        "workingDir": names.BOT_WORKING_DIR,
        "env": [
            {"name": "NETRC", "value": f"{names.MOUNT_ACCESS}/{names.NETRC_FILE}"},
            {"name": "BTCWATCHER_HANG_SECONDS", "value": str(platform.hang_seconds)},
            {"name": "TMPDIR", "value": names.MOUNT_RUN},
            # Two arenas in place of eight a core: glibc's default keeps memory that freqtrade has long freed.
            {"name": "MALLOC_ARENA_MAX", "value": "2"},
            *environment(proxies),
            *to_market.environment(market, proxied=bool(proxies)),
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "File",
    }
    if platform.image_pull_policy:
        built["imagePullPolicy"] = platform.image_pull_policy
    bounds = {"requests": dict(resources.requests), "limits": dict(resources.limits)}
    if bounds := {key: value for key, value in bounds.items() if value}:
        built["resources"] = bounds
    return built


def _preflight(strategy: Strategy, platform: Platform, proxies: Sequence[ProxySource], market: Market | None) -> Object:
    """Checks config and strategy with freqtrade's own classes; its termination message says what is wrong.

    It sees no exchange credentials.
    """
    mounts = [names.MOUNT_REVISION, names.MOUNT_ACCESS, names.MOUNT_DATA, names.MOUNT_RUN]
    if proxies:
        mounts.append(names.MOUNT_PROXIES)
    return {
        **_container(strategy, platform, names.CONTAINER_PREFLIGHT, ["preflight"], proxies, market),
        "volumeMounts": _mounts(*mounts),
    }


def _bot(
    strategy: Strategy, platform: Platform, port: int, proxies: Sequence[ProxySource], market: Market | None
) -> Object:
    mounts = [names.MOUNT_REVISION, names.MOUNT_ACCESS, names.MOUNT_DATA, names.MOUNT_RUN]
    if strategy.spec.exchange.credentials_ref:
        mounts.append(names.MOUNT_CREDENTIALS)
    if proxies:
        mounts.append(names.MOUNT_PROXIES)
    return {
        **_container(strategy, platform, names.CONTAINER_BOT, ["trade"], proxies, market),
        "ports": [{"name": names.PORT_NAME, "containerPort": port, "protocol": "TCP"}],
        "volumeMounts": _mounts(*mounts),
        "startupProbe": _file_probe(names.STARTED_FILE, STARTUP_PROBE),
        "readinessProbe": _file_probe(names.READY_FILE, READINESS_PROBE, otherwise=names.STOPPED_FILE),
        "livenessProbe": _file_probe(names.ALIVE_FILE, LIVENESS_PROBE),
    }


def _file_probe(path: str, timing: dict[str, int], otherwise: str | None = None) -> Object:
    """`otherwise`: the file that says why, where the other is not there."""
    # The wrapper keeps these files: freqtrade's /health wants a password, and its /ping proves nothing. It renews them
    # every second: an old one means a process that is frozen or spins in native code.
    test = f'test -n "$(find {path} -mmin -{FRESH_MINUTES})"'
    if otherwise:
        test = f"{test} || {{ cat {otherwise}; exit 1; }}"
    command = ["sh", "-c", f"exec 2>/dev/null; {test}" if otherwise else test]
    return {"exec": {"command": command}, "timeoutSeconds": 5, **timing}


def _mounts(*volumes: str) -> list[Object]:
    writable = {names.MOUNT_DATA, names.MOUNT_RUN}
    return [
        {"name": volume, "mountPath": f"{names.BOT_WORKING_DIR}/{volume}"}
        | ({} if volume in writable else {"readOnly": True})
        for volume in volumes
    ]


def _volumes(strategy: Strategy, revision: str, *, has_source: bool) -> list[Any]:
    name = strategy.metadata.name
    files = [names.CONFIG_FILE] + ([names.SOURCE_FILE] if has_source else [])
    volumes: list[Object] = [
        {
            "name": names.MOUNT_REVISION,
            "secret": {
                "secretName": names.revision_secret(name, revision),
                "items": [{"key": file, "path": file} for file in files],
            },
        },
        {"name": names.MOUNT_ACCESS, "secret": {"secretName": names.access_secret(name)}},
        {"name": names.MOUNT_DATA, "persistentVolumeClaim": {"claimName": names.volume_claim(name)}},
        {"name": names.MOUNT_RUN, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
    ]
    if reference := strategy.spec.exchange.credentials_ref:
        volumes.append({"name": names.MOUNT_CREDENTIALS, "secret": {"secretName": reference.name}})
    return volumes
