"""Starts and stops a local Batch server from Python.

Owns: the child process and its command line. Whoever holds a `LocalBatch` talks to it through any AWS SDK, with
`endpoint_url` as AWS_ENDPOINT_URL_BATCH.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from batchwright.local.child import Child

SERVER = "batchwright.local.batch.__main__"


class LocalBatchError(Exception):
    """The server did not start; the message names the reason and its log."""


class LocalBatch:
    """One local Batch as a child process. `endpoint_url` is set by `start()`.

    `arguments` are those of `python -m batchwright.local.batch` beside --work-dir, which `work_folder` gives.
    `environment` (credentials and region of SQS and Logs) is added to this process's own.
    """

    def __init__(
        self,
        work_folder: Path,
        log_path: Path,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint_url = ""
        self.log_path = log_path
        self._work_folder = work_folder
        self._arguments = tuple(arguments)
        self._environment = dict(environment or {})
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """Process id while it runs, 0 otherwise."""
        return self._child.process.pid if self._child is not None else 0

    def start(self, timeout_seconds: float = 30.0) -> None:
        """Start and return once it listens. Raises LocalBatchError after `timeout_seconds`."""
        self._child = Child(SERVER, self.log_path, answers=True)
        self._child.begin(["--work-dir", str(self._work_folder), *self._arguments], self._environment)
        line = self._child.first_line(timeout_seconds)
        if not line:
            self.stop()
            raise LocalBatchError(f"the local Batch did not start within {timeout_seconds} s; its log: {self.log_path}")
        self.endpoint_url = str(json.loads(line)["endpoint_url"])

    def stop(self, grace_seconds: float = 10.0) -> None:
        """End it and every job's processes. Twice is once."""
        child, self._child = self._child, None
        if child is not None:
            child.end(grace_seconds)

    def environment(self) -> dict[str, str]:
        """The variable that points any AWS SDK's Batch client here."""
        return {"AWS_ENDPOINT_URL_BATCH": self.endpoint_url}

    def __enter__(self) -> LocalBatch:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
