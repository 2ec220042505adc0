"""Which runs of a local AWS have not ended, as far as what is still alive of it can say."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from batchwright.local.isolation import LocalSession, client
from batchwright.runs.view import every
from chalicelib.aws.clients import clients
from chalicelib.core.errors import BatchwrightError
from chalicelib.core.ids import attempt_from_parameters
from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.core.states import RunState
from chalicelib.wiring import wire

RUNS_A_PAGE = 100
SHORT = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 1})
"""What is dying is asked once."""
_OPEN = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")


def runs_under_way(environment: Mapping[str, str]) -> list[str]:
    """The ids of the runs that have not ended, by its table. Raises what the clients raise."""
    api = wire(environment, clients(LocalSession(environment))).api(str(uuid.uuid4()))
    return [
        run.run_id
        for one in RunState
        if not one.ended
        for run in every(lambda page, one=one: api.runs(state=one, limit=RUNS_A_PAGE, page=page))  # type: ignore[misc]
    ]


def runs_lost(environment: Mapping[str, str]) -> list[str] | None:
    """The runs that a dying local AWS takes along: by its table, or else those of its open jobs. None: nobody says."""
    for ask in (runs_under_way, _runs_of_open_jobs):
        with suppress(BatchwrightError, BotoCoreError, ClientError):
            return ask(environment)
    return None


def _runs_of_open_jobs(environment: Mapping[str, str]) -> list[str]:
    batch = client("batch", environment, SHORT)
    queues = [queue["jobQueueName"] for queue in batch.describe_job_queues()["jobQueues"]]
    ids = [
        job["jobId"]
        for queue in queues
        for status in _OPEN
        for job in batch.list_jobs(jobQueue=queue, jobStatus=status)["jobSummaryList"]
    ]
    attempts = [attempt_from_parameters(job["parameters"]) for job in _described(batch, ids)]
    return list(dict.fromkeys(attempt.run_id for attempt in attempts if attempt is not None))


def _described(batch: Any, ids: list[str]) -> list[Any]:
    parts = [ids[start : start + DESCRIBE_IDS] for start in range(0, len(ids), DESCRIBE_IDS)]
    return [job for part in parts for job in batch.describe_jobs(jobs=part)["jobs"]]
