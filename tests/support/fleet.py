"""What a cluster does with the operator's StatefulSets and Jobs, played at once for many: no pod really runs."""

from dataclasses import dataclass, field
from typing import Any

from btcwatcher_crds import names
from support.bulk import Bulk
from support.operated import RUNNING, container, ended

Object = dict[str, Any]

REFUSED = '{"reason": "ConfigInvalid", "message": "this image refuses every config"}'
DIED = '{"reason": "BotExited", "message": "this image ends at once"}'


def image_of(obj: Object) -> str:
    image: str = obj["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def revision_of(obj: Object) -> str:
    """The revision of a pod or a Job."""
    revision: str = obj["metadata"]["labels"][names.LABEL_REVISION]
    return revision


def strategy_of(obj: Object) -> str:
    name: str = obj["metadata"]["labels"][names.LABEL_STRATEGY]
    return name


@dataclass
class Fleet:
    """Images tagged `refuses` fail their preflight, those tagged `dies` pass it and never become ready."""

    bulk: Bulk
    namespace: str
    begun: dict[str, int] = field(default_factory=dict)
    """Image and Strategy of each Job ever seen, in the order in which they were made."""
    back: set[str] = field(default_factory=set)
    """Image and Strategy of each bot that was reported ready."""

    async def listed(self, kind: str) -> list[Object]:
        return await self.bulk.list(kind, self.namespace)

    async def look(self) -> list[Object]:
        """The Jobs there are; every one is remembered."""
        jobs = await self.listed("Job")
        for job in sorted(jobs, key=lambda job: int(job["metadata"]["resourceVersion"])):
            self.begun.setdefault(f"{image_of(job)} {strategy_of(job)}", len(self.begun))
        return jobs

    def begun_with(self, image: str) -> list[str]:
        """The Strategies that were given a Job with the image, the first one first."""
        return [key.split()[1] for key in self.begun if key.split()[0] == image]

    def under_way(self, image: str) -> set[str]:
        return {key for key in self.begun if key.split()[0] == image} - self.back

    async def step(self) -> None:
        """Every Job and every StatefulSet gets the pod it asks for, and each pod comes to where it goes."""
        pods = {pod["metadata"]["name"]: pod for pod in await self.listed("Pod")}
        for job in await self.look():
            name = f"{job['metadata']['name']}-x"
            if name not in pods:
                failed = image_of(job).endswith("refuses")
                state = ended(1, REFUSED) if failed else ended(0)
                await self._pod(name, job, {"containerStatuses": [container(names.CONTAINER_PREFLIGHT, state)]})
        for stateful_set in await self.listed("StatefulSet"):
            template = stateful_set["spec"]["template"]
            name = f"{stateful_set['metadata']['name']}-0"
            before = pods.get(name)
            if before and revision_of(before) == template["metadata"]["labels"][names.LABEL_REVISION]:
                continue
            if before:
                await self.bulk.delete("Pod", self.namespace, name)
            died = {"containerStatuses": [container(names.CONTAINER_BOT, ended(1, DIED))]}
            image = image_of(stateful_set)
            await self._pod(name, stateful_set, died if image.endswith("dies") else RUNNING)
            if not image.endswith("dies"):
                self.back.add(f"{image} {stateful_set['metadata']['name']}")

    async def _pod(self, name: str, of: Object, status: Object) -> None:
        template = of["spec"]["template"]
        metadata = {**template["metadata"], "name": name, "namespace": self.namespace}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        await self.bulk.create([pod])
        await self.bulk.patch("Pod", self.namespace, name, {"status": status}, "status")
