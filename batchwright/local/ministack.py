"""Starts and stops MiniStack, the local stand-in for every AWS service but Batch.

Owns: the choice of a free port, the child process, its log, and the wait until it answers.
Does not own: anything inside MiniStack (tables, queues, stacks), which its callers create through boto3.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from batchwright.local.child import python_module
from batchwright.local.isolation import isolated

SERVICES = (
    "dynamodb",
    "sqs",
    "sns",
    "s3",
    "events",
    "logs",
    "cloudformation",
    "iam",
    "sts",
    "lambda",
    "secretsmanager",
    "ssm",
    "scheduler",
)
MODULE = "batchwright.local.ministack_child"
"""What runs in the child process."""
PORT_TRIES = 5
POLL_SECONDS = 0.05


class MiniStackError(Exception):
    """MiniStack did not start; the message names the reason and its log."""


class MiniStack:
    """One MiniStack on a free loopback port, as a child process.

    `endpoint_url` is set by `start()`. `log_path` receives everything MiniStack writes.
    """

    def __init__(
        self,
        log_path: Path,
        region: str = "us-east-1",
        services: tuple[str, ...] = SERVICES,
        extra_environment: dict[str, str] | None = None,
        module: str = MODULE,
    ) -> None:
        self.log_path = log_path
        self.region = region
        self.endpoint_url = ""
        self._services = services
        self._extra_environment = extra_environment or {}
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id while it runs, 0 otherwise."""
        return self._process.pid if self._process is not None else 0

    def start(self, timeout_seconds: float = 30.0) -> None:
        """Start and return once MiniStack answers. Raises MiniStackError after `timeout_seconds`."""
        deadline = time.monotonic() + timeout_seconds
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(PORT_TRIES):
            port = _free_port()
            self._process = self._spawn(port)
            self.endpoint_url = f"http://127.0.0.1:{port}"
            if self._wait_until_it_answers(deadline):
                return
            # It ended by itself: most likely somebody took the port in between. Try another one.
        raise MiniStackError(f"MiniStack ended {PORT_TRIES} times while starting; its log: {self.log_path}")

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """Its process, from when it was started until it is stopped."""
        return self._process

    def stop(self) -> None:
        """End it and what it started. At once, for nothing in it is kept, and its orderly end takes seconds."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert process.stdin is not None
        process.stdin.close()
        port = self.endpoint_url.rpartition(":")[2]
        (self.log_path.parent / f"ministack-{port}.pid").unlink(missing_ok=True)
        self._process = None

    def environment(self) -> dict[str, str]:
        """Variables that point any AWS SDK at this MiniStack."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": self.region,
        }

    def __enter__(self) -> MiniStack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        environment = isolated(os.environ, {})
        environment.update(
            # Its pid file, and whatever else it writes there, goes with the folder of its log.
            TMPDIR=str(self.log_path.parent.absolute()),
            GATEWAY_PORT=str(port),
            BIND_HOST="127.0.0.1",
            MINISTACK_HOST="127.0.0.1",
            MINISTACK_REGION=self.region,
            # MQTT over TLS would open the fixed port 8883, so that two local AWS could not run side by side.
            IOT_MTLS_ENABLED="0",
            SFTP_ENABLED="0",
            SERVICES=",".join(self._services),
            LOG_LEVEL="WARNING",
        )
        environment.update(self._extra_environment)
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                python_module(self._module),
                # It ends when our end of this pipe closes, however we die.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                # Ctrl-C in the terminal reaches the supervisor alone, which then stops things in order.
                start_new_session=True,
            )

    def _wait_until_it_answers(self, deadline: float) -> bool:
        """True when it answers, False when it ended by itself."""
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            if _answers(self.endpoint_url) and self._process.poll() is None:
                return True
            time.sleep(POLL_SECONDS)
        self.stop()
        raise MiniStackError(f"MiniStack did not answer at {self.endpoint_url} in time; its log: {self.log_path}")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(endpoint_url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint_url}/_ministack/health", timeout=1.0) as response:
            return int(response.status) == 200
    except (urllib.error.URLError, OSError):
        return False
