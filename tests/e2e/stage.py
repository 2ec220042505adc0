"""What a deployment is tested on: a MiniStack for an account, a copy of the project, and the local Batch.

MiniStack's own Lambda runs the functions as processes of its own, from the package that was deployed, and its own event
source mappings feed them; nothing of batchwright.local.worker is there.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from batchwright.local.batch.client import SERVER
from batchwright.local.child import Child
from batchwright.local.isolation import client as isolated_client
from batchwright.local.isolation import isolated
from batchwright.local.ministack import SERVICES
from batchwright.stage.project import PROJECT_FOLDER
from tests.enforcing import enforcing

STAGE = "e2e"
COMMAND, CHALICE = (str(Path(sys.executable).with_name(name)) for name in ("batchwright", "chalice"))
PROJECT = (
    ".gitignore",
    "app.py",
    "chalicelib",
    ".chalice/config.json",
    ".chalice/policies",
    "requirements.txt",
    "infra",
    "statemachines",
)
RECORDING = PROJECT_FOLDER / "tests" / "e2e" / "recording"
"""What notes the calls of AWS that a command makes."""
DEADLINE_SECONDS = 480.0


class Account:
    """The account that is deployed to, and the clone that is deployed from."""

    def __init__(self, folder: Path, stage: str = STAGE) -> None:
        self.folder = folder
        self.stage = stage
        self.recording = folder / "calls.jsonl"
        """The calls of AWS of all commands that were given."""
        self.project = folder / "clone"
        copy_project(self.project)
        # What alarms and dashboards are made in, beside what the local AWS has.
        services = (*SERVICES, "monitoring", "apigateway", "ec2")
        self.ministack = enforcing(folder / "ministack.log", services)
        self._batch: Child | None = None
        self.batch_url = ""

    def start(self) -> None:
        self.ministack.start()

    def stop(self) -> None:
        if self._batch is not None:
            self._batch.end()
        self.ministack.stop()

    @property
    def environment(self) -> dict[str, str]:
        found = self.ministack.environment()
        return {**found, "AWS_ENDPOINT_URL_BATCH": self.batch_url} if self.batch_url else found

    def client(self, service: str) -> Any:
        return isolated_client(service, self.environment)

    def give(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Give a `batchwright` command for the stage, from the clone."""
        return subprocess.run(
            [COMMAND, words[0], "--stage", self.stage, "--project", str(self.project), *words[1:]],
            cwd=self.folder,
            env={**self._variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Give a command that works on the deployed stage and needs no clone."""
        return self.typed("batchwright", words[0], "--stage", STAGE, *words[1:])

    def typed(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Give a `batchwright` command as somebody types it, with no other option."""
        assert program == "batchwright"
        return subprocess.run(
            [COMMAND, *words],
            cwd=self.folder,
            env={**isolated(os.environ, self.environment), "PYTHONPATH": str(PROJECT_FOLDER)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    @property
    def _variables(self) -> dict[str, str]:
        own = isolated(os.environ, self.environment)
        return {**own, "PYTHONPATH": f"{RECORDING}:{PROJECT_FOLDER}", "RECORD_AWS_CALLS_TO": str(self.recording)}

    def chalice(self, *words: str, payload: str = "") -> subprocess.CompletedProcess[str]:
        """Give a `chalice` command in the clone, with `payload` on its standard input."""
        return subprocess.run(
            [CHALICE, *words],
            cwd=self.project,
            env=self._variables,
            input=payload,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    def start_batch(self, pattern: Mapping[str, Any], queue_url: str) -> None:
        """Start the local Batch, which puts events that the pattern lets through on the queue."""
        pattern_path = self.folder / "pattern.json"
        pattern_path.write_text(json.dumps(pattern), encoding="utf-8")
        self._batch = Child(SERVER, self.folder / "batch.log", answers=True)
        jobs = self.ministack.environment()
        self._batch.begin(
            [
                f"--work-dir={self.folder / 'jobs'}",
                f"--events-queue-url={queue_url}",
                f"--aws-endpoint-url={self.ministack.endpoint_url}",
                f"--event-pattern={pattern_path}",
                "--serve-rules",
                *(f"--job-environment={name}={value}" for name, value in jobs.items()),
            ],
            jobs,
        )
        line = self._batch.first_line(30.0)
        assert line, (self.folder / "batch.log").read_text()
        self.batch_url = json.loads(line)["endpoint_url"]

    def put_variable(self, name: str, value: str) -> None:
        """Give the stage's functions one more variable, as people do: in .chalice/config.json."""
        path = self.project / ".chalice" / "config.json"
        config = json.loads(path.read_text())
        config["stages"].setdefault(self.stage, {}).setdefault("environment_variables", {})[name] = value
        path.write_text(json.dumps(config, indent=2) + "\n")


def copy_project(folder: Path, *, of_this_machine: bool = True) -> None:
    """Copy what a deployment needs of a clone; `of_this_machine` makes its functions run here, whatever Lambda has."""
    for name in PROJECT:
        source, target = PROJECT_FOLDER / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    if not of_this_machine:
        return
    path = folder / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    config["lambda_architecture"] = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    path.write_text(json.dumps(config, indent=2) + "\n")


def wait_until(holds: Callable[[], Any], what: str, within_seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something holds; fails by saying what did not come."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {within_seconds:.0f} s for {what}"
        time.sleep(0.2)
