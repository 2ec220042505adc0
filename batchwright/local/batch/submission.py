"""SubmitJob: the checks, and the making of a job from a definition and the overrides.

Stores nothing and starts nothing. The container is made in container.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from batchwright.local.batch.container import (
    container_of,
    merge_container,
    only_container,
    overrides_of,
    read_resources,
)
from batchwright.local.batch.jobs import EcsTask, JobSpec
from batchwright.local.batch.request_checks import Asked
from batchwright.local.batch.request_rules import SUBMIT, check_request
from batchwright.local.batch.retry import read_retry_strategy


def check_submission(
    request: Mapping[str, Any], definition: Mapping[str, Any], payload_bytes: int, minimum_timeout_seconds: int
) -> None:
    """Raise ClientError if the request, or the job that it makes of `definition`, breaks one of Batch's rules."""
    overrides = overrides_of(request)
    asked = Asked(
        request=request,
        container=merge_container(container_of(definition), overrides, {}),
        overrides=overrides,
        definition=definition,
        platforms=tuple(definition.get("platformCapabilities", ())),
        payload_bytes=payload_bytes,
        minimum_timeout_seconds=minimum_timeout_seconds,
    )
    check_request(SUBMIT, asked)


def array_size(request: Mapping[str, Any]) -> int | None:
    """None when the job is no array."""
    size = request.get("arrayProperties", {}).get("size")
    return None if size is None else int(size)


def make_spec(
    job_id: str, request: Mapping[str, Any], definition: Mapping[str, Any], queue_arn: str, now_ms: int
) -> JobSpec:
    """Merge the definition and the request, which check_submission has seen."""
    overrides = overrides_of(request)
    parameters = {**definition.get("parameters", {}), **request.get("parameters", {})}
    container = merge_container(container_of(definition), overrides, parameters)
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
        scheduling_priority=request.get("schedulingPriorityOverride", definition.get("schedulingPriority")),
        ecs_task=_ecs_task(definition),
        overrides_length=len(json.dumps(overrides, separators=(",", ":"))) if overrides else 0,
    )


def _ecs_task(definition: Mapping[str, Any]) -> EcsTask | None:
    found = only_container(definition.get("ecsProperties", {}))
    return None if found is None else EcsTask(*found)
