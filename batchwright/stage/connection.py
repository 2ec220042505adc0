"""The AWS of a stage, or the local one, as a command reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.wiring import Wired


@dataclass(frozen=True, slots=True)
class Aws:
    """The AWS that a command works on.

    `session` makes clients. `environment` has the variables of the app there, and `wired` is the app as it is wired
    there. `stage` is the name of a deployed stage; the local AWS has none.
    """

    session: Any
    environment: Mapping[str, str]
    wired: Wired
    is_local: bool = False
    stage: str | None = None

    def client(self, service: str) -> Any:
        return self.session.client(service)

    def ended_jobs(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the first 100 of these jobs that have ended, as Batch says."""
        jobs = self.wired.world.batch.describe(job_ids[:DESCRIBE_IDS])
        return {job_id for job_id, job in jobs.items() if job["status"] in ("SUCCEEDED", "FAILED")}
