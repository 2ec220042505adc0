"""`batchwright dead-letters` on real queues: what a worker gave up is listed with its reason, put back, removed."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchwright.cli.group import main
from batchwright.local.isolation import client, isolated
from batchwright.local.stack import LocalAws
from chalicelib.aws.dead_letters import SqsDeadLetters
from chalicelib.core.limits import RECEIPTS_MAXIMUM
from tests.functional.commands import Terminal, wait_until

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long

POISON = '{"source":"aws.batch","detail-type":"Batch Job State Change","detail":{"jobId":7,"status":"SUCCEEDED"}}'
REASON = "not a readable event: detail.jobId must be a job id, not 7"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), workers=0) as aws:
        yield aws


@dataclass(frozen=True)
class Queues:
    """The four queues of a local AWS, empty at first."""

    sqs: Any
    environment: dict[str, str]

    def url(self, name: str) -> str:
        return self.environment[f"BATCHWRIGHT_{name}_URL"]

    def count(self, name: str) -> int:
        kinds = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url(name), AttributeNames=names)
        return sum(int(answer["Attributes"][one]) for one in names)

    def put(self, queue: str, body: str, reason: str = "a reason") -> None:
        """Put a dead letter there, as a handler would."""
        SqsDeadLetters(self.sqs, self.url(f"{queue.upper()}_DEAD"), queue).put(body, reason, 5, sent_at_ms=1_000)


NAMES = ("EVENTS_QUEUE", "EVENTS_DEAD", "COMMANDS_QUEUE", "COMMANDS_DEAD")


@pytest.fixture
def queues(aws: LocalAws) -> Queues:
    queues = Queues(client("sqs", aws.environment), aws.environment)
    for name in NAMES:
        queues.sqs.purge_queue(QueueUrl=queues.url(name))
    return queues


@pytest.fixture
def give(aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Gives a command where no local AWS is up, and the variables name the stage of these queues."""
    for name, value in (isolated(os.environ, aws.environment) | {"BATCHWRIGHT_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    # The wait for what some server of AWS may still have; there is one server here.
    monkeypatch.setattr("batchwright.cli.dead_letters.AWS_WAIT_SECONDS", 0)
    return lambda *words, **more: CliRunner().invoke(main, ["dead-letters", *words], **more)


def test_poison_ends_there_with_its_reason_and_is_put_back(
    aws: LocalAws, queues: Queues, give: Callable[..., Result]
) -> None:
    queues.sqs.send_message(QueueUrl=queues.url("EVENTS_QUEUE"), MessageBody=POISON)
    for _ in range(RECEIPTS_MAXIMUM - 1):
        # Received by nobody who could handle it, as by functions that died.
        answer = queues.sqs.receive_message(QueueUrl=queues.url("EVENTS_QUEUE"), VisibilityTimeout=0)
        assert len(answer["Messages"]) == 1
    worker = aws.start_worker()
    try:
        wait_until(lambda: queues.count("EVENTS_DEAD"), "the poison to lie in the dead letters")
        wait_until(lambda: not queues.count("EVENTS_QUEUE"), "the poison to be off its queue")
    finally:
        worker.end(5)
    [letter] = json.loads(give("list", "--json").stdout)
    assert (letter["queue"], letter["receive_count"], letter["reason"]) == ("events", 5, REASON)
    assert letter["sent_at_ms"] <= letter["first_received_at_ms"]
    assert REASON in give("list").stdout
    assert give("replay", letter["id"][:8]).stdout == "Put back 1 dead letter.\n"
    assert [queues.count(name) for name in NAMES] == [1, 0, 0, 0]


def test_one_is_shown_in_full_and_looking_takes_nothing(queues: Queues, give: Callable[..., Result]) -> None:
    queues.put("commands", '{"kind":"cancel_run","run_id":7}', "not a command of ours")
    [letter] = json.loads(give("list", "--json", "--queue", "commands").stdout)
    shown = give("show", letter["id"][:4])
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"id              {letter['id']}\nqueue           commands\n")
    assert shown.stdout.endswith('body\n{\n  "kind": "cancel_run",\n  "run_id": 7\n}\n')
    assert json.loads(give("show", letter["id"], "--json").stdout)["body"] == '{"kind":"cancel_run","run_id":7}'
    wrong = give("show", "zzzz")
    assert (wrong.exit_code, wrong.stderr.startswith("no dead letter has the id 'zzzz'; ")) == (2, True)
    assert queues.count("COMMANDS_DEAD") == 1


def test_dropping_asks_first(queues: Queues, give: Callable[..., Result]) -> None:
    for number in range(12):
        queues.put("events", f"{number}")
    queues.put("commands", "{}")
    refused = give("drop", "--all", input="n\n")
    assert refused.exit_code == 130
    assert refused.stderr.startswith("Remove 13 dead letters of AWS (stage local, us-east-1) for good? [y/N]: n\n")
    assert [queues.count(name) for name in NAMES] == [0, 12, 0, 1]
    dropped = give("drop", "--all", "--queue", "events", input="y\n")
    assert (dropped.exit_code, dropped.stdout.splitlines()[-1]) == (0, "Removed 12 dead letters.")
    assert json.loads(give("drop", "--all", "--yes", "--json").stdout) == {"removed": 1}
    assert json.loads(give("drop", "--all", "--yes", "--json").stdout) == {"removed": 0}
    assert [queues.count(name) for name in NAMES] == [0, 0, 0, 0]


def test_all_go_back_to_the_queue_they_came_from(queues: Queues, give: Callable[..., Result]) -> None:
    for number in range(12):
        queues.put("events", f"{number}")
    queues.put("commands", "{}")
    assert json.loads(give("replay", "--all", "--json").stdout) == {"put_back": 13}
    assert [queues.count(name) for name in NAMES] == [12, 0, 1, 0]


@pytest.mark.parametrize("words", [["list"], ["replay", "--all"], ["drop", "--all"], ["drop", "--all", "--yes"]])
def test_where_there_are_none_it_says_so(words: list[str], queues: Queues, give: Callable[..., Result]) -> None:
    assert (give(*words).exit_code, give(*words).stdout) == (0, "No dead letters.\n")
    assert give(*words, "--queue", "events").stdout == "No dead letters of the events queue.\n"


@pytest.mark.parametrize("words", [["replay"], ["drop"], ["replay", "abc", "--all"], ["drop", "abc", "--all"]])
def test_which_ones_must_be_said(words: list[str], give: Callable[..., Result]) -> None:
    done = give(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "say which: either ids from `batchwright dead-letters list`, or --all\n"


def test_an_interrupted_command_leaves_all_of_them_visible(
    queues: Queues, give: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put("events", "1")
    monkeypatch.setattr(
        "batchwright.dead_letters.queues.Held.elsewhere_count", lambda _: os.kill(os.getpid(), signal.SIGINT)
    )
    assert give("list").exit_code == 130
    assert len(queues.sqs.receive_message(QueueUrl=queues.url("EVENTS_DEAD"))["Messages"]) == 1


def test_a_service_that_does_not_answer_is_told_in_a_sentence(
    give: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    done = give("list")
    assert done.exit_code == 1
    assert done.stderr.startswith("AWS (stage local, us-east-1) cannot be reached: Could not connect to ")
    assert len(done.stderr.splitlines()) == 1


def test_without_any_aws_it_says_what_is_missing(terminal: Terminal) -> None:
    done = terminal.give("dead-letters", "list")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"no local AWS is up in .+, and neither a stage nor an API is named: ", done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_a_local_aws_that_is_up_is_meant_whatever_the_variables_say(kept: Terminal) -> None:
    environment = json.loads(kept.give("local", "env", "--json").stdout)
    kept_queues = Queues(client("sqs", environment), environment)
    kept_queues.put("commands", "not json", "a reason of the local AWS")
    done = kept.give("dead-letters", "list", "--queue", "commands")
    assert (done.returncode, done.stderr) == (0, "")
    assert "a reason of the local AWS" in done.stdout
    assert kept.give("dead-letters", "drop", "--all", "--yes").stdout == "Removed 1 dead letter.\n"
