"""The local Lambda: it serves the queues and schedules that an app declares, and loses no message."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchwright.local import worker
from batchwright.local.child import Child
from batchwright.local.functions import Functions, ScheduleSource
from batchwright.local.isolation import client
from batchwright.local.ministack import MiniStack
from tests.functional.commands import wait_until

pytestmark = pytest.mark.long

TOY = """
import os, time
from chalice import Chalice, Rate

app = Chalice("toy")


@app.on_sqs_message(queue=os.environ["TOY_QUEUE"], batch_size=1, name="note")
def note(event):
    for record in event:
        with open("{folder}/notes", "a") as notes:
            notes.write(record.body + "\\n")
        if record.body == "bad":
            raise ValueError("a message that cannot be handled")
        if record.body == "left" and not os.path.exists("{folder}/quick"):
            return {"batchItemFailures": [{"itemIdentifier": record.to_dict()["messageId"]}]}
        if record.body == "slow" and not os.path.exists("{folder}/quick"):
            time.sleep(600)


@app.on_sqs_message(queue=os.environ["WIDE_QUEUE"], batch_size=1, maximum_concurrency=5, name="wide")
def wide(event):
    note(event.to_dict(), event.context)


@app.schedule(Rate(5, unit=Rate.MINUTES), name="look")
def look(event):
    pass
"""
VISIBILITY_SECONDS = 2


@dataclass(frozen=True)
class Toy:
    """An app with one queue, which writes down the bodies it gets."""

    folder: Path
    sqs: Any
    queue_url: str
    wide_queue_url: str
    start_worker: Callable[[], Child]

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().split() if path.exists() else []

    def messages_left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)


@pytest.fixture
def toy(ministack: MiniStack, tmp_path: Path) -> Iterator[Toy]:
    (tmp_path / "app.py").write_text(TOY.replace("{folder}", str(tmp_path)))
    name = f"toy-{uuid.uuid4().hex[:8]}"
    environment = {**ministack.environment(), "TOY_QUEUE": name, "WIDE_QUEUE": f"{name}-wide"}
    sqs = client("sqs", environment)
    attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    queue_url, wide_queue_url = (
        sqs.create_queue(QueueName=environment[queue], Attributes=attributes)["QueueUrl"]
        for queue in ("TOY_QUEUE", "WIDE_QUEUE")
    )
    with ExitStack() as workers:

        def start_worker() -> Child:
            child = Child("batchwright.local.worker", tmp_path / "worker.log")
            workers.callback(child.end)
            child.begin([f"--project={tmp_path}"], environment)
            return child

        yield Toy(tmp_path, sqs, queue_url, wide_queue_url, start_worker)


def test_it_reads_what_our_app_declares() -> None:
    functions = Functions()
    assert {(source.function, source.batch_size, source.concurrency) for source in functions.queues()} == {
        ("on_events", 10, 20),
        ("on_commands", 1, 10),
    }


def test_as_many_messages_are_handled_at_once_as_the_app_declares(toy: Toy) -> None:
    """With fewer the governor's pace, which counts on ten invocations at once, is never reached."""
    for _ in range(7):
        toy.sqs.send_message(QueueUrl=toy.wide_queue_url, MessageBody="slow")
    toy.start_worker()
    wait_until(lambda: toy.notes() == ["slow"] * 5, "five messages to be under way")
    counts = toy.sqs.get_queue_attributes(QueueUrl=toy.wide_queue_url, AttributeNames=["ApproximateNumberOfMessages"])[
        "Attributes"
    ]
    assert counts["ApproximateNumberOfMessages"] == "2"


def test_a_handled_message_is_deleted_and_one_whose_handler_raised_comes_again(toy: Toy) -> None:
    toy.start_worker()
    toy.send("good", "bad", "better")
    wait_until(lambda: toy.notes().count("bad") >= 2, "the bad message to come again")
    assert sorted(set(toy.notes())) == ["bad", "better", "good"]
    assert [toy.notes().count(body) for body in ("good", "better")] == [1, 1]
    assert toy.messages_left() == 1
    assert "ValueError: a message that cannot be handled" in (toy.folder / "worker.log").read_text()


def test_a_message_that_the_handler_reports_as_left_comes_again(toy: Toy) -> None:
    toy.start_worker()
    toy.send("left", "good")
    wait_until(lambda: toy.notes().count("left") >= 2, "the message that was left to come again")
    (toy.folder / "quick").touch()
    wait_until(lambda: not toy.messages_left(), "the message that was left to be done")
    assert toy.notes().count("good") == 1
    assert "raised" not in (toy.folder / "worker.log").read_text()


def test_the_message_of_a_killed_worker_comes_again(toy: Toy) -> None:
    child = toy.start_worker()
    toy.send("slow")
    wait_until(lambda: toy.notes() == ["slow"], "the message to be taken")
    child.process.kill()
    (toy.folder / "quick").touch()
    toy.start_worker()
    wait_until(lambda: toy.notes() == ["slow", "slow"] and not toy.messages_left(), "the message to come again")


def test_it_ends_with_its_parent(toy: Toy) -> None:
    child = toy.start_worker()
    toy.send("good")
    wait_until(lambda: toy.notes() == ["good"], "the worker to work")
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert child.process.wait(5) == 0


def test_a_schedule_fires_at_its_rate_also_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"rate(5 minutes)": 0.01}
    monkeypatch.setattr(worker, "interval_seconds", seconds.__getitem__)
    ended = threading.Event()
    fired: list[tuple[str, str]] = []

    class App(Functions):
        def __init__(self) -> None:
            pass  # no app is loaded

        def invoke(self, function: str, payload: dict[str, Any]) -> None:
            fired.append((function, payload["detail-type"]))
            if len(fired) == 3:
                ended.set()
            raise ValueError("a scheduled function that fails")

    worker.fire(App(), ScheduleSource("look", "rate(5 minutes)"), ended)
    assert fired == 3 * [("look", "Scheduled Event")]
