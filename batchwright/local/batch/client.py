"""Starts and stops a local Batch server from Python.

Owns: the child process and its command line. Whoever holds a `LocalBatch` talks to it through any AWS SDK, with
`endpoint_url` as AWS_ENDPOINT_URL_BATCH.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType


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
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id while it runs, 0 otherwise."""
        return self._process.pid if self._process is not None else 0

    def start(self, timeout_seconds: float = 30.0) -> None:
        """Start and return once it listens. Raises LocalBatchError after `timeout_seconds`."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **self._environment}
        # The server speaks to a local AWS alone; a profile of the user's real account has no place there.
        environment.pop("AWS_PROFILE", None)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "batchwright.local.batch",
                    "--work-dir",
                    str(self._work_folder),
                    # Our end of this pipe closes when we die, however we die; the server ends with it.
                    "--exit-with-stdin",
                    *self._arguments,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        line = self._first_line(time.monotonic() + timeout_seconds)
        if not line:
            self.stop()
            raise LocalBatchError(f"the local Batch did not start within {timeout_seconds} s; its log: {self.log_path}")
        self.endpoint_url = str(json.loads(line)["endpoint_url"])

    def stop(self, grace_seconds: float = 10.0) -> None:
        """End it and every job's processes. Twice is once."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

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

    def _first_line(self, deadline: float) -> bytes:
        """The server's one line, or nothing when it ended or the time is over."""
        assert self._process is not None and self._process.stdout is not None
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n") and selector.select(max(0.0, deadline - time.monotonic())):
                data = os.read(self._process.stdout.fileno(), 4096)
                if not data:
                    return b""
                line += data
        return line if line.endswith(b"\n") else b""
