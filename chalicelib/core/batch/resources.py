"""What a job asks for, as its document says it. An odd value is taken as absent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.batch.document import asked_containers
from chalicelib.core.batch.lenient import object_of, objects_of

_AMOUNT_MAXIMUM = 10**12
_MIB_OF_UNIT = {"Ki": 1 / 1024, "Mi": 1.0, "Gi": 1024.0, "Ti": 1024.0**2, "": 1 / 1024**2}
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_KUBERNETES_CPU = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(m?)")
_KUBERNETES_MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)(Ki|Mi|Gi|Ti|)")


def resources_of(detail: Mapping[str, Any]) -> tuple[float | None, int | None, int | None]:
    """vCPUs, memory in MiB and GPUs of all containers together; None for what no container names."""
    vcpus, memory, gpus = [], [], []
    for container in asked_containers(detail):
        asked = {
            one["type"]: one.get("value")
            for one in objects_of(container.get("resourceRequirements"))
            if isinstance(one.get("type"), str)
        }
        pod = object_of(container.get("resources"))
        wanted = {**object_of(pod.get("requests")), **object_of(pod.get("limits"))}
        # `vcpus` and `memory` are how job definitions said it once.
        vcpus.append(_amount(asked.get("VCPU", container.get("vcpus"))) or _cpu(wanted.get("cpu")))
        memory.append(_amount(asked.get("MEMORY", container.get("memory"))) or _memory_mib(wanted.get("memory")))
        gpus.append(_amount(asked.get("GPU")) or _amount(wanted.get("nvidia.com/gpu")))
    vcpus_sum, memory_sum, gpus_sum = _sum(vcpus), _sum(memory), _sum(gpus)
    return vcpus_sum, None if memory_sum is None else int(memory_sum), None if gpus_sum is None else int(gpus_sum)


def _sum(amounts: list[float | None]) -> float | None:
    known = [amount for amount in amounts if amount]
    return sum(known) if known else None


def _amount(value: object) -> float | None:
    """A quantity as Batch writes it: a number, or the text of one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value <= _AMOUNT_MAXIMUM else None
    return float(value) if isinstance(value, str) and _AMOUNT.fullmatch(value) else None


def _cpu(value: object) -> float | None:
    """vCPUs as Kubernetes writes them: `2`, `0.5`, `500m`."""
    found = _KUBERNETES_CPU.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) / (1000 if found[2] else 1) if found else None


def _memory_mib(value: object) -> float | None:
    """Memory as Kubernetes writes it: `1024Mi`, `2Gi`, bytes without a unit."""
    found = _KUBERNETES_MEMORY.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) * _MIB_OF_UNIT[found[2]] if found else None
