"""SubmitJob: the checks, and the making of a job from a definition and the overrides.

Owns: how definition, overrides and parameters become one container. Stores nothing and starts nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from batchwright.local.batch.definitions import check_retry_and_timeout
from batchwright.local.batch.errors import ClientError, refused
from batchwright.local.batch.jobs import JobSpec, Resources
from batchwright.local.batch.retry import read_retry_strategy

JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
MAXIMUM_PAYLOAD_BYTES = 30 * 1024
ARRAY_SIZES = range(2, 10_001)
PARAMETER = "Ref::"
NOT_HERE = ("nodeOverrides", "eksPropertiesOverride", "ecsPropertiesOverride")
# What a container's document always has, empty or not.
ALWAYS_LISTED = ("volumes", "environment", "mountPoints", "ulimits", "networkInterfaces", "secrets")

Document = dict[str, Any]


def check_submission(request: Mapping[str, Any], payload_bytes: int, minimum_timeout_seconds: int) -> None:
    """What Batch refuses by looking at the request alone; raises ClientError."""
    if payload_bytes > MAXIMUM_PAYLOAD_BYTES:
        raise refused(f"Job payload must be at most {MAXIMUM_PAYLOAD_BYTES} bytes, not {payload_bytes}")
    if not JOB_NAME.fullmatch(request["jobName"]):
        raise refused("Job name should match valid pattern")
    for key in NOT_HERE:
        if request.get(key):
            raise ClientError(f"{key}: this local Batch runs jobs of one container; use containerOverrides")
    size = array_size(request)
    if size is not None and size not in ARRAY_SIZES:
        raise refused(f"Array size must be between {ARRAY_SIZES.start} and {ARRAY_SIZES.stop - 1}, not {size}")
    priority = request.get("schedulingPriorityOverride", 0)
    if not 0 <= priority <= 9999:
        raise refused(f"schedulingPriorityOverride must be between 0 and 9999, not {priority}")
    if len(request.get("tags", {})) > 50:
        raise refused(f"A job can have 50 tags, not {len(request['tags'])}")
    check_retry_and_timeout(request, minimum_timeout_seconds)


def array_size(request: Mapping[str, Any]) -> int | None:
    """None when the job is no array."""
    size = request.get("arrayProperties", {}).get("size")
    return None if size is None else int(size)


def make_spec(
    job_id: str, request: Mapping[str, Any], definition: Mapping[str, Any], queue_arn: str, now_ms: int
) -> JobSpec:
    """Merge the definition and the request. Raises ClientError when the result makes no sense."""
    overrides = request.get("containerOverrides", {})
    parameters = {**definition.get("parameters", {}), **request.get("parameters", {})}
    container = merge_container(definition["containerProperties"], overrides, parameters)
    retry_document = request.get("retryStrategy", definition.get("retryStrategy", {}))
    timeout = request.get("timeout", definition.get("timeout", {}))
    return JobSpec(
        job_id=job_id,
        job_name=request["jobName"],
        queue_arn=queue_arn,
        definition_arn=definition["jobDefinitionArn"],
        definition_name=definition["jobDefinitionName"],
        container=container,
        parameters=parameters,
        depends_on=tuple(request.get("dependsOn", ())),
        retry_document={
            "attempts": retry_document.get("attempts", 1),
            "evaluateOnExit": retry_document.get("evaluateOnExit", []),
        },
        retry=read_retry_strategy(retry_document),
        timeout_seconds=timeout.get("attemptDurationSeconds"),
        resources=read_resources(container),
        created_at_ms=now_ms,
        propagate_tags=bool(request.get("propagateTags", definition.get("propagateTags", False))),
        platform_capabilities=tuple(definition.get("platformCapabilities", ())),
        share_identifier=request.get("shareIdentifier"),
        scheduling_priority=request.get("schedulingPriorityOverride", definition.get("schedulingPriority")),
        overrides_length=len(json.dumps(overrides, separators=(",", ":"))) if overrides else 0,
    )


def merge_container(
    properties: Mapping[str, Any], overrides: Mapping[str, Any], parameters: Mapping[str, str]
) -> Document:
    """The container as it will run, in the API's shape."""
    command = overrides.get("command") or properties.get("command", [])
    container: Document = {
        "image": properties["image"],
        "command": [substitute(argument, parameters) for argument in command],
    }
    for key in ALWAYS_LISTED:
        container[key] = properties.get(key, [])
    container["environment"] = _last_wins(
        [*properties.get("environment", []), *overrides.get("environment", [])], "name"
    )
    container["resourceRequirements"] = merge_requirements(properties, overrides)
    for key, value in properties.items():
        if key not in ("vcpus", "memory"):
            container.setdefault(key, value)
    if "instanceType" in overrides:
        container["instanceType"] = overrides["instanceType"]
    return container


def merge_requirements(properties: Mapping[str, Any], overrides: Mapping[str, Any]) -> list[Document]:
    """resourceRequirements of both, the override's winning; the old vcpus and memory members count as well."""
    entries: list[Document] = []
    for source in (properties, overrides):
        if source.get("vcpus"):
            entries.append({"value": str(source["vcpus"]), "type": "VCPU"})
        if source.get("memory"):
            entries.append({"value": str(source["memory"]), "type": "MEMORY"})
        entries.extend(source.get("resourceRequirements", []))
    return _last_wins(entries, "type")


def substitute(argument: str, parameters: Mapping[str, str]) -> str:
    """`Ref::name` becomes the parameter's value when it is the whole argument and the parameter is known."""
    if argument.startswith(PARAMETER):
        return parameters.get(argument[len(PARAMETER) :], argument)
    return argument


def read_resources(container: Mapping[str, Any]) -> Resources:
    """Numbers from resourceRequirements; raises ClientError on what is no positive number."""
    values = {entry["type"]: entry["value"] for entry in container["resourceRequirements"]}
    try:
        milli_vcpus = round(float(values["VCPU"]) * 1000)
        memory_mib = int(values["MEMORY"])
        gpus = int(values.get("GPU", 0))
    except ValueError as error:
        raise refused(f"resourceRequirements must be numbers: {error}") from error
    if milli_vcpus <= 0 or memory_mib < 4 or gpus < 0:
        raise refused(
            f"resourceRequirements must be more than 0 vCPUs and at least 4 MiB of memory, not {dict(values)}"
        )
    return Resources(milli_vcpus, memory_mib, gpus)


def _last_wins(entries: Sequence[Mapping[str, Any]], key: str) -> list[Document]:
    chosen: dict[str, Document] = {}
    for entry in entries:
        chosen[entry.get(key, "")] = dict(entry)
    return list(chosen.values())
