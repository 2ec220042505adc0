"""How many of our files and functions one thing crosses: what a reader must open to follow it.

`python -m bench.crossings` follows four things on a local AWS, with our code in this process: an event from app.py to
the SubmitJob that it causes; a workflow file from `run` to the first write to the table; a failed job's event to the
notice on the topic; and `show` over HTTP, on both sides of the wire. A function counts once, however often it is
called.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import botocore.client
import yaml
from rich.console import Console
from rich.table import Table

from batchwright.cli.group import main as command
from batchwright.cli.target import local_target
from batchwright.local.api import Server, listening
from batchwright.local.functions import Functions, load_app
from batchwright.local.isolation import client, enter
from batchwright.local.queues import definition_for
from batchwright.local.stack import LocalAws
from chalicelib.api import models as m
from chalicelib.core.tokens import TokenScope

ROOT = Path(__file__).resolve().parents[1]
OURS = tuple(f"{ROOT / name}" for name in ("app.py", "chalicelib", "batchwright"))
JOB = "{job_definition: shell, queue: default, command: "
WORKFLOW = f"""\
name: crossed
tasks:
  first: {JOB}["true"]}}
  second: {JOB}["false"], depends_on: [first]}}
"""


@dataclass
class Crossed:
    """The files and functions of ours that were entered while it watched. `until` ends the watch: a call of AWS, which
    is still to be found in what it crossed."""

    until: str | None = None
    functions: set[tuple[str, str]] = field(default_factory=set)
    is_on: bool = False
    is_over: bool = False

    @property
    def files(self) -> set[str]:
        return {file for file, _ in self.functions}

    def note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if self.is_on and event == "call" and code.co_filename.startswith(OURS) and code.co_name[0] != "<":
            self.functions.add((code.co_filename, code.co_qualname))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every thread of this process that begins now, and this one, until the call has come or it ends."""
        call = botocore.client.BaseClient._make_api_call
        until = self.until

        def seen(client: Any, operation: str, params: Any) -> Any:
            if operation == until:
                self.is_on, self.is_over = False, True
            return call(client, operation, params)

        self.is_on = not self.is_over
        botocore.client.BaseClient._make_api_call = seen
        threading.setprofile(self.note)
        sys.setprofile(self.note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            botocore.client.BaseClient._make_api_call = call
            self.is_on = False


def typed(*words: str) -> str:
    """What a command prints that is given in this process."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        try:
            command(list(words))
        except SystemExit as ended:
            if ended.code not in (0, None, 1):
                raise RuntimeError(out.getvalue()) from ended
    return out.getvalue()


def handle(functions: Functions, sqs: Any, crossed: Crossed, last: str) -> None:
    """Let the app handle what its queues hold until the watch is over. The events of jobs alone are watched, and of
    them those that tell of the `last` status."""
    urls = {source: sqs.get_queue_url(QueueName=source.queue)["QueueUrl"] for source in functions.queues()}
    while not crossed.is_over:
        for source, url in urls.items():
            found: list[Any] = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=1, AttributeNames=["ApproximateReceiveCount"]
            ).get("Messages", [])
            if found and (f'"status": "{last}"' in found[0]["Body"] or f'"status":"{last}"' in found[0]["Body"]):
                with crossed.watching():
                    functions.invoke_with_messages(source, found)
            elif found:
                functions.invoke_with_messages(source, found)


def show_over_http(run_id: str, token: str, crossed: Crossed) -> None:
    """Print the run as the API tells it, which is served by another thread of this process."""
    listener = listening()
    server = Server(load_app(), listener)
    os.environ.update(BATCHWRIGHT_TOKEN=token, BATCHWRIGHT_API=f"http://127.0.0.1:{listener.getsockname()[1]}")
    with crossed.watching():
        threading.Thread(target=server.serve, daemon=True).start()
        typed("show", run_id, "--api", os.environ["BATCHWRIGHT_API"])
    server.close()


def follow() -> dict[str, Crossed]:
    event, file = Crossed("SubmitJob"), Crossed("PutItem")
    notice, show = Crossed("Publish"), Crossed()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crossed.yaml"
        path.write_text(WORKFLOW)
        os.environ["BATCHWRIGHT_HOME"] = str(Path(folder) / "home")
        with file.watching():
            typed("run", str(path))
        with LocalAws(Path(folder) / "aws", workers=0) as aws:
            enter(aws.environment)
            functions, sqs = Functions(), client("sqs", aws.environment)
            api = local_target(aws.environment, lambda: None).api
            definition = yaml.safe_load(
                WORKFLOW.replace("shell", definition_for(aws.environment, "shell", path.parent))
            )
            api.put_workflow("crossed", definition)
            run_id = api.start_run(m.StartRun(workflow="crossed"), "once").run_id
            handle(functions, sqs, event, "SUCCEEDED")
            handle(functions, sqs, notice, "FAILED")
            token = api.create_token(m.NewToken(name="bench", scope=TokenScope.READ)).secret
            show_over_http(run_id, token, show)
    return {
        "an event, from app.py to SubmitJob": event,
        "a workflow file, from run to the table": file,
        "a failed job, from app.py to the notice": notice,
        "show over HTTP, on both sides": show,
    }


def main() -> int:
    table = Table("followed", "files", "functions")
    for name, crossed in follow().items():
        table.add_row(name, str(len(crossed.files)), str(len(crossed.functions)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
