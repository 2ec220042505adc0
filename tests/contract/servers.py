"""Clients for the servers of the contract suites, and the one server that only they use (dynoxide)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

DYNOXIDE_VARIABLE = "BATCHWRIGHT_DYNOXIDE"
START_SECONDS = 20.0


def client(service: str, endpoint_url: str | None = None, *, total_tries: int = 4) -> Any:
    """A boto3 client with credentials that no account has."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(
            retries={"total_max_attempts": total_tries, "mode": "standard"},
            connect_timeout=5,
            read_timeout=20,
            max_pool_connections=20,
        ),
    )


def dynoxide_binary() -> str | None:
    """The path of dynoxide, or None where it is not installed. `make test` puts it beside this interpreter."""
    beside = Path(sys.executable).parent
    return os.environ.get(DYNOXIDE_VARIABLE) or shutil.which("dynoxide", path=beside) or shutil.which("dynoxide")


@contextmanager
def dynoxide(binary: str, log_path: Path, db_path: Path | None = None) -> Iterator[str]:
    """A dynoxide on a free port, in memory or on a file; yields its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log_path.open("wb") as log:
        command = [binary, "serve", "--port", str(port), *([f"--db-path={db_path}"] if db_path else [])]
        # A session of its own keeps Ctrl-C to us, who then end things in order.
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"dynoxide did not start; its log: {log_path}")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
