"""Ids, names and tokens, each derived from what it names, so that a retry makes the same one.

Nothing here is random: an id that must be new (an idempotency key that the caller left out) is drawn at the edge.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core import limits

RUN_PARAMETER = "batchwright_run"
EPOCH_PARAMETER = "batchwright_epoch"
TASK_PARAMETER = "batchwright_task"
ATTEMPT_PARAMETER = "batchwright_attempt"

_NOT_IN_A_JOB_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_HASH_LENGTH = 16
_COUNT_DIGITS = 9


@dataclass(frozen=True, slots=True, order=True)
class Attempt:
    """One try of one task: what a job is submitted for. `index` is the task's, `number` counts from 1.

    `epoch` counts the redrives of the run from 0; attempts go on counting across epochs.
    """

    run_id: str
    epoch: int
    index: int
    number: int


def run_id(stage: str, workflow: str, idempotency_key: str) -> str:
    """The run that this key starts of this workflow: readable first, then 60 bits of hash. At most 53 characters.

    The stage is part of it, for all stages of an account hear of each other's jobs: by its run each job is one stage's
    alone, though the others have the same workflows and schedules.
    """
    digest = hashlib.sha256(f"{stage}\n{workflow}\n{idempotency_key}".encode()).digest()
    return f"{run_id_stem(workflow)}-{base64.b32encode(digest).decode().lower()[:12]}"


def run_id_stem(workflow: str) -> str:
    """What the ids of a workflow's runs begin with."""
    return slug(workflow)[:40]


def scheduled_key(schedule: str, at_ms: int) -> str:
    """The idempotency key of the run that a schedule starts for a time: whoever starts it starts the same."""
    return f"schedule {schedule} {at_ms}"


def scheduled_run_id(stage: str, workflow: str, schedule: str, at_ms: int) -> str:
    """The run of a schedule's time."""
    return run_id(stage, workflow, scheduled_key(schedule, at_ms))


def definition_digest(definition: Mapping[str, Any]) -> str:
    """Names the content of a workflow's definition, whatever the order of its keys."""
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def job_name(attempt: Attempt, task_name: str) -> str:
    """The name of an attempt's job: valid for Batch, exact for ListJobs, and never parsed.

    ListJobs' name filter ignores case, so the part that makes it unique is lower-case hexadecimal.
    """
    return f"{slug(task_name)[: limits.JOB_NAME_LENGTH - _HASH_LENGTH - 1]}-{_unique(attempt)}"


def task_of_job_name(attempt: Attempt, name: str) -> str | None:
    """The task that a job of that name was submitted for, as the name spells it; None if the name is not one that we
    derive for the attempt, so that somebody else submitted the job, be it with our parameters."""
    task, _, unique = name.rpartition("-")
    return task if task and unique == _unique(attempt) else None


def _unique(attempt: Attempt) -> str:
    named = f"{attempt.run_id}\n{attempt.epoch}\n{attempt.index}\n{attempt.number}"
    # A run's id that is read off an event may hold what no id of ours does.
    return hashlib.sha256(named.encode(errors="replace")).hexdigest()[:_HASH_LENGTH]


def identity_parameters(attempt: Attempt) -> dict[str, str]:
    """What a job carries in its `parameters`; Batch echoes them in every event, so no lookup routes one."""
    return {
        RUN_PARAMETER: attempt.run_id,
        EPOCH_PARAMETER: str(attempt.epoch),
        TASK_PARAMETER: str(attempt.index),
        ATTEMPT_PARAMETER: str(attempt.number),
    }


def attempt_from_parameters(parameters: Mapping[str, object]) -> Attempt | None:
    """The attempt that a job's parameters name, or None for a job of somebody else (whatever its parameters hold)."""
    try:
        return Attempt(
            run_id=_text(parameters[RUN_PARAMETER]),
            epoch=_count(parameters[EPOCH_PARAMETER]),
            index=_count(parameters[TASK_PARAMETER]),
            number=_count(parameters[ATTEMPT_PARAMETER]),
        )
    except (KeyError, ValueError):
        return None


def refused_job_id(job_name: str) -> str:
    """Stands in for the job id of a submission that Batch refused for good; no real id has this form."""
    return f"refused:{job_name}"


def is_refused_job_id(job_id: str | None) -> bool:
    """Whether this stands in for the id of a job that Batch refused; such a job cannot be described or ended."""
    return job_id is not None and job_id.startswith(refused_job_id(""))


def refused_job_name(job_id: str) -> str:
    """The name of the job whose refusal this id stands in for."""
    return job_id.removeprefix(refused_job_id(""))


def whole_job_id(job_id: str) -> str:
    """The id of the array or multi-node job that a child (`id:3`) or a node (`id#0`) is part of; else the job's own."""
    return re.split("[:#]", job_id, maxsplit=1)[0]


def child_of(job_id: str) -> tuple[str, int | None]:
    """The array's id and the number of a child's id, `id:3`; of any other job its own id and None."""
    array, colon, number = job_id.partition(":")
    is_child = bool(colon) and number.isascii() and number.isdigit()
    return (array, int(number)) if is_child else (job_id, None)


def slug(text: str) -> str:
    """`text` with what a job name cannot hold replaced by hyphens; never empty, starts with a letter or digit."""
    return _NOT_IN_A_JOB_NAME.sub("-", text).lstrip("-_") or "x"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(value)
    return value


def _count(value: object) -> int:
    text = _text(value)
    if not text.isascii() or not text.isdigit() or len(text) > _COUNT_DIGITS:
        raise ValueError(text)
    return int(text)
