"""Runs all controllers of the embedded cluster in one process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from btcwatcher_local.client.config import load_kubeconfig
from btcwatcher_local.client.events import EventRecorder
from btcwatcher_local.client.http import Client
from btcwatcher_local.controllers.clusterroles import ClusterRoleAggregation
from btcwatcher_local.controllers.context import Context, Controller
from btcwatcher_local.controllers.deployment.controller import DeploymentController
from btcwatcher_local.controllers.garbage.collector import GarbageCollector
from btcwatcher_local.controllers.job.controller import JobController
from btcwatcher_local.controllers.namespaces import NamespaceController
from btcwatcher_local.controllers.nodes import NodeController
from btcwatcher_local.controllers.replicaset.controller import ReplicaSetController
from btcwatcher_local.controllers.rootauthority import RootAuthority
from btcwatcher_local.controllers.scheduler import Scheduler
from btcwatcher_local.controllers.statefulset.controller import StatefulSetController
from btcwatcher_local.controllers.volumes import VolumeController

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger(__name__)


async def run(kubeconfig: Path, volumes: Path, *, ready: asyncio.Event | None = None) -> None:
    """Run until cancelled. `volumes` is the folder under which PersistentVolumes are made.

    Sets `ready` once every cache is true.
    """
    async with Client(load_kubeconfig(kubeconfig), "btcwatcher-controllers") as client:
        recorder = EventRecorder(client, "btcwatcher-controllers")
        recorder.start()
        context = Context(client, recorder)
        controllers: list[Controller] = [
            NamespaceController(context),
            RootAuthority(context),
            ClusterRoleAggregation(context),
            NodeController(context),
            Scheduler(context),
            StatefulSetController(context),
            DeploymentController(context),
            ReplicaSetController(context),
            JobController(context),
            VolumeController(context, volumes),
            GarbageCollector(context),
        ]
        try:
            await context.start()
            log.info("controllers are ready")
            if ready is not None:
                ready.set()
            async with asyncio.TaskGroup() as group:
                for controller in controllers:
                    group.create_task(controller.run(), name=type(controller).__name__)
        finally:
            await context.stop()
            await recorder.stop()
