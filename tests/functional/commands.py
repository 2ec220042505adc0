"""The `batchwright` command as a user gives it, in a process of its own and in surroundings full of another AWS."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

COMMAND = str(Path(sys.executable).with_name("batchwright"))
DEADLINE_SECONDS = 60.0
SHELL = {"job_definition": "shell", "queue": "default"}


class Trap:
    """A listener that stands for everything a call must not reach: proxies and other endpoints."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.caught: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                self.caught.append(connection.recv(200))


def surroundings(trap: Trap, home: Path) -> dict[str, str]:
    """The variables of a user who works with a real account, through a proxy, and with an unlucky profile."""
    (home / ".aws").mkdir(parents=True, exist_ok=True)
    (home / ".aws" / "config").write_text(
        "[default]\nregion = eu-central-1\nignore_configured_endpoint_urls = true\n"
        f"endpoint_url = {trap.url}\nuse_fips_endpoint = true\n"
    )
    (home / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = REAL\naws_secret_access_key = REAL\naws_session_token = REAL\n"
    )
    aws = {
        "AWS_PROFILE": "no-such-profile",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "REAL",
        "AWS_SECRET_ACCESS_KEY": "REAL",
        "AWS_SESSION_TOKEN": "REAL",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_USE_FIPS_ENDPOINT": "true",
    }
    endpoints = {f"AWS_ENDPOINT_URL{service}": trap.url for service in ("", "_BATCH", "_DYNAMODB", "_SQS", "_LOGS")}
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), trap.url)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BATCHWRIGHT_"))}
    for name in ("NO_PROXY", "no_proxy", "FORCE_COLOR", "TTY_COMPATIBLE"):
        inherited.pop(name, None)
    return {**inherited, **aws, **endpoints, **proxies, "HOME": str(home)}


@dataclass(frozen=True)
class Terminal:
    """Where commands are given: a folder and its variables."""

    folder: Path
    variables: Mapping[str, str] = field(repr=False)

    def workflow(self, name: str, tasks: Mapping[str, Any], **more: Any) -> str:
        """Write a workflow file whose tasks need no more than a command; its name."""
        document = {"name": name, "defaults": SHELL, **more, "tasks": tasks}
        (self.folder / f"{name}.json").write_text(json.dumps(document))
        return f"{name}.json"

    def give(self, *words: str, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Give a command and wait for its end."""
        return subprocess.run(
            [COMMAND, *words],
            cwd=folder or self.folder,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    def begin(self, *words: str, **variables: str) -> Command:
        """Give a command and leave it running."""
        process = subprocess.Popen(
            [COMMAND, *words],
            cwd=self.folder,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return Command(process)


class Command:
    """A command that is running, and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def printed(self) -> str:
        return "".join(self._lines)

    def wait_for(self, text: str) -> None:
        """Wait until it has printed that."""
        wait_until(lambda: text in self.printed or self.process.poll() is not None, f"{text!r} to be printed")
        assert text in self.printed, self.printed

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, within_seconds: float = DEADLINE_SECONDS) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait(within_seconds)
        self._reader.join(5)
        return code

    def family(self) -> list[psutil.Process]:
        """It and all that came of it, as far as parents are known."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)


def wait_until(holds: Callable[[], Any], what: str, within_seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something holds; fails by saying what did not come."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {within_seconds:.0f} s for {what}"
        time.sleep(0.05)


def alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie does not."""
    living = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                living.append(process)
        except psutil.NoSuchProcess:
            continue
    return living
