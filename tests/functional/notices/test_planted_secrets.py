"""A secret in every field of an event that can hold one, and none of them in what leaves: notices in all their bodies,
records, answers of the API, reasons of dead letters, lines of logs, texts of errors.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets as stdlib_secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from batchwright.local.isolation import LocalSession
from chalicelib.api.inprocess.base import Ground
from chalicelib.api.inprocess.direct import DirectApi
from chalicelib.aws.clients import clients
from chalicelib.core.errors import BatchwrightError
from chalicelib.core.limits import RECEIPTS_MAXIMUM
from chalicelib.core.notice.publication import bodies, cleaned, message
from chalicelib.core.notice.slack import slack_message
from chalicelib.engine.inbox.messages import Mailbox, Message, MessagesLeft, handle_events
from chalicelib.wiring import wire
from tests.functional.notices.conftest import Stage
from tests.memory.logs import MemoryLogs
from tests.memory.notices import MemoryChanges
from tests.memory.theatre import Theatre, plan_of, task
from tests.memory.tokens import MemoryTokens
from tests.planted import MARK, documents, finds, malformed, planted, secret

pytestmark = pytest.mark.long

PLAN = plan_of((task("a", attempts=2), ()), (task("b"), ["a"]))
EVENTS = dict(documents())
QUEUE = "batchwright-notices-mine"
SAMPLE = EVENTS["single_failed_exit_1.shape"]


def texts_within(part: Any, met: set[int]) -> Iterator[str]:
    """Every text in an object, in what it holds, and so on."""
    if isinstance(part, str):
        yield part
    elif id(part) not in met:
        met.add(id(part))
        if isinstance(part, Mapping):
            inner = [*part.keys(), *part.values()]
        elif isinstance(part, (list, tuple, set, frozenset)):
            inner = list(part)
        elif dataclasses.is_dataclass(part):
            inner = [getattr(part, field.name) for field in dataclasses.fields(part)]
        else:
            inner = list(getattr(part, "__dict__", {}).values())
        for one in inner:
            yield from texts_within(one, met)


class Stakeout:
    """A run of the real engine, and all that leaves it."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.play = Theatre(PLAN)
        self.play.changes = MemoryChanges()
        self.run = self.play.start(queue=QUEUE)
        self.said: list[str] = []
        self._caplog = caplog

    @property
    def api(self) -> Any:
        """The API for one more invocation."""
        return DirectApi(Ground(self.play.world(), MemoryLogs(), MemoryTokens(), stdlib_secrets.token_bytes))

    def ours(self, document: dict[str, Any]) -> dict[str, Any]:
        """The event, as if of the latest job of ours."""
        job = self.play.jobs()[-1]
        identity = dict(job.request.parameters)
        detail = {**document["detail"], "jobId": job.job_id, "jobName": job.request.name}
        parameters = detail.get("parameters")
        detail["parameters"] = {**parameters, **identity} if isinstance(parameters, dict) else parameters
        return {**document, "detail": detail}

    def deliver(self, body: str, receive_count: int = RECEIPTS_MAXIMUM) -> None:
        """Hand an event to the handler; what it raises is said."""
        mailbox = Mailbox(self.play.events, self.play.events, self.play.dead)
        try:
            handle_events(self.play.world(), mailbox, [Message(body, "handle", receive_count)])
        except MessagesLeft as left:
            self.said.append(str(left))

    def sweep_finding(self, detail: dict[str, Any]) -> None:
        """A sweep to which Batch describes every job so."""

        def described(job: Any) -> dict[str, Any]:
            mine = {"jobId": job.job_id, "jobName": job.request.name}
            return {**detail, **mine, "parameters": {**detail["parameters"], **dict(job.request.parameters)}}

        self.play.batch.detail_of = described
        for _ in range(2):
            self.play.sweep(after_seconds=3_600)

    def everything_that_left(self) -> Iterator[tuple[str, str]]:
        """By where it was met."""
        play = self.play
        assert play.changes is not None
        for change in play.changes.told:
            yield "the event bus", json.dumps(change.document())
        for notice in (*play.notices.published, *play.notices.sent.get(QUEUE, ())):
            yield "a notice", message(bodies(notice)) + json.dumps(slack_message(cleaned(notice))) + notice.subject
        for letter in play.dead.letters:
            yield "the reason of a dead letter", letter.reason
        for body in play.commands.bodies:
            yield "a command", body
        for text in self.said:
            yield "an error", text
        yield "the log", self._caplog.text + "".join(map(str, (one.exc_info for one in self._caplog.records)))
        yield "the table", " ".join(texts_within(play.store, set()))
        yield from self._answers()

    def _answers(self) -> Iterator[tuple[str, str]]:
        api = self.api
        run_id = self.run.run_id
        yield "run", api.run(run_id).model_dump_json()
        yield "runs", api.runs().model_dump_json()
        yield "tasks", api.tasks(run_id).model_dump_json()
        yield "events", api.events(run_id).model_dump_json()
        for name in ("a", "b"):
            try:
                yield f"task {name}", api.task(run_id, name).model_dump_json()
            except BatchwrightError as error:
                yield f"task {name}", str(error)
        listed = api.jobs()
        yield "jobs", listed.model_dump_json()
        for job in listed.items:
            yield "job", api.job(job.job_id).model_dump_json()

    def finds_nothing(self) -> None:
        found = {where: finds(text) for where, text in self.everything_that_left() if MARK in text}
        assert found == {}


@pytest.fixture
def stakeout(caplog: pytest.LogCaptureFixture) -> Iterator[Stakeout]:
    """Every logger at DEBUG."""
    with caplog.at_level(logging.DEBUG):
        yield Stakeout(caplog)


def test_the_planting_reaches_all_kinds_of_fields_and_a_find_names_its_field() -> None:
    text = json.dumps(planted(EVENTS["eks_failed.shape"]))
    places = finds(text)
    for place in ("container.environment.value", "container.log.option", "eks.env.value", "ecs.command", "tag.value"):
        assert place in places
    assert len(places) > 60
    assert finds("nothing") == set()
    assert finds(f"so: {secret('here')}") == {"here"}
    assert finds(MARK[:-1]) == set()


def test_a_leak_would_be_found(stakeout: Stakeout) -> None:
    stakeout.play.dead.put(body="", reason=secret("a reason"), receive_count=5)
    logging.getLogger("anything").debug("so: %s", secret("a line"))
    with pytest.raises(AssertionError, match="a reason"):
        stakeout.finds_nothing()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_of_ours_leaks_nothing(name: str, stakeout: Stakeout) -> None:
    for one in (EVENTS[name], SAMPLE):
        stakeout.deliver(json.dumps(stakeout.ours(planted(one))))
        stakeout.play.clock.advance(seconds=120)
        while stakeout.play.deliver_commands():
            pass
    assert stakeout.play.dead.letters == []
    assert "a" in stakeout.play.endings() or stakeout.play.jobs("a")[1:], "it had an effect"
    stakeout.finds_nothing()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_of_somebody_elses_leaks_nothing(name: str, stakeout: Stakeout) -> None:
    stakeout.deliver(json.dumps(planted(EVENTS[name])))
    stands_alone = EVENTS[name]["detail-type"] == "Batch Job State Change" and not {":", "#"} & set(
        EVENTS[name]["detail"]["jobId"]
    )
    assert len(stakeout.api.jobs().items) == stands_alone, "it is recorded, unless its parent's record stands for it"
    stakeout.finds_nothing()


@pytest.mark.parametrize(("name", "event"), [pytest.param(*one, id=one[0]) for one in malformed(SAMPLE)])
def test_a_malformed_event_leaks_nothing(name: str, event: dict[str, Any], stakeout: Stakeout) -> None:
    for receive_count in (1, RECEIPTS_MAXIMUM):
        stakeout.deliver(json.dumps(event), receive_count)
        stakeout.deliver(json.dumps(stakeout.ours(event)), receive_count)
    stakeout.finds_nothing()


@pytest.mark.parametrize("cut", [1, 40, 1_000, 3_000])
def test_an_event_that_is_no_json_leaks_nothing(cut: int, stakeout: Stakeout) -> None:
    body = json.dumps(planted(SAMPLE))
    for broken in (body[:-cut], body[cut:], secret("the whole body"), json.dumps(secret("a text")), body + body[:cut]):
        stakeout.deliver(broken)
    assert len(stakeout.play.dead.letters) == 5
    stakeout.finds_nothing()


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith(("single", "failed", "multi"))])
def test_what_batch_describes_to_the_sweep_leaks_nothing(name: str, stakeout: Stakeout) -> None:
    detail = planted(EVENTS[name])["detail"]
    stakeout.sweep_finding(detail)
    for _, event in list(malformed(EVENTS[name]))[:2]:
        try:
            stakeout.sweep_finding(
                {"parameters": {}, **{k: v for k, v in event["detail"].items() if k != "parameters"}}
            )
        except BatchwrightError as error:
            stakeout.said.append(str(error))
    stakeout.finds_nothing()


def test_a_run_that_failed_is_told_without_what_its_jobs_were_given(stakeout: Stakeout) -> None:
    for _ in range(2):
        stakeout.deliver(json.dumps(stakeout.ours(planted(SAMPLE))))
        stakeout.play.clock.advance(seconds=600)
        while stakeout.play.deliver_commands():
            pass
    assert {"run_failed"} <= {one.kind for one in stakeout.play.notices.published}
    assert {"run_started", "run_failed"} <= {one.kind for one in stakeout.play.notices.sent[QUEUE]}
    assert stakeout.play.changes is not None and stakeout.play.changes.told
    stakeout.finds_nothing()


class Broken:
    """A store whose every call fails with an error that repeats what it was asked."""

    def __getattr__(self, name: str) -> Any:
        def fail(*args: Any, **more: Any) -> None:
            raise RuntimeError(f"{name} does not take {args} {more}")

        return fail


@pytest.mark.parametrize("name", ["single_failed_exit_1.shape", "step_functions_succeeded.shape"])
def test_an_error_that_nobody_foresaw_leaks_nothing(name: str, stakeout: Stakeout) -> None:
    store, stakeout.play.store = stakeout.play.store, Broken()  # type: ignore[assignment]
    for receive_count in (1, RECEIPTS_MAXIMUM):
        stakeout.deliver(json.dumps(stakeout.ours(planted(EVENTS[name]))), receive_count)
        stakeout.deliver(json.dumps(planted(EVENTS[name])), receive_count)
    stakeout.play.store = store
    assert any("does not take" in letter.reason for letter in stakeout.play.dead.letters)
    stakeout.finds_nothing()


def test_the_functions_on_real_queues_leak_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """With the adapters of AWS: their requests hold no field that is not listed, or the whole message for the dead
    letters, whose reason is apart. Below WARNING, botocore's own log has requests whole: nobody turns that on."""
    sqs = stage.client("sqs")
    dead_url = stage.environment["BATCHWRIGHT_EVENTS_DEAD_URL"]
    wired = wire(stage.environment, clients(LocalSession(stage.environment)))
    events = [planted(one) for one in EVENTS.values()] + [one for _, one in malformed(SAMPLE)]
    bodies_sent = [json.dumps(one) for one in events] + [json.dumps(events[0])[:-5], secret("no JSON")]
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.WARNING, "botocore"):
        for number, body in enumerate(bodies_sent):
            attributes = {"ApproximateReceiveCount": str(RECEIPTS_MAXIMUM)}
            record = {"messageId": f"id-{number}", "body": body, "receiptHandle": f"none-{number}"}
            record |= {"attributes": attributes}
            try:
                wired.handle_events({"Records": [record]}, f"owner-{number}")
            except MessagesLeft as left:
                assert MARK not in str(left)
    assert MARK not in caplog.text
    items = stage.client("dynamodb").scan(TableName=stage.environment["BATCHWRIGHT_TABLE"])["Items"]
    assert finds(json.dumps(items, default=str)) == set()
    letters = sqs.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert letters
    assert finds(json.dumps([one["MessageAttributes"] for one in letters], default=str)) == set()
