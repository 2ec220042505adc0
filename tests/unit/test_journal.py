"""The lines of the functions' logs: their fields, whose they are, and what is never in them."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.limits import RECEIPTS_MAXIMUM
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.telemetry import ids
from chalicelib.journal import FUNCTION, LOG_LEVEL, OURS, JsonLines, PlainLines, level_of, of_invocation, open_journal
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Theatre, plan_of, task

CHAIN = plan_of((task("a", attempts=2), ()), (task("b"), ["a"]))


class Journal:
    """What was written since the test began."""

    def __init__(self) -> None:
        self.written = StringIO()

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]


@pytest.fixture
def journal() -> Iterator[Journal]:
    """All that is ours is logged, as it is in Lambda."""
    found, ours = Journal(), logging.getLogger(OURS)
    handler = logging.StreamHandler(found.written)
    handler.setFormatter(JsonLines("batchwright-dev-on_events"))
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel("DEBUG")
    yield found
    ours.removeHandler(handler)
    ours.setLevel(level)


@pytest.fixture
def as_they_were() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    handlers, level = list(root.handlers), ours.level
    yield
    root.handlers[:] = handlers
    ours.setLevel(level)


def test_a_line_is_one_object_with_its_time_its_invocation_and_its_ids(journal):
    log = logging.getLogger("chalicelib.engine.play")
    with of_invocation("request-1"):
        log.warning("it %s", "rains", extra=ids(run_id="films-abc", job_id="job-1", exit_code=None))
    [line] = journal.lines
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("cold_start") in (True, False)
    assert line == {
        "level": "WARNING",
        "message": "it rains",
        "logger": "chalicelib.engine.play",
        "function": "batchwright-dev-on_events",
        "request_id": "request-1",
        "run_id": "films-abc",
        "job_id": "job-1",
    }


def test_off_lambda_a_line_is_text_with_the_same_ids_behind_it():
    record = logging.LogRecord(
        "chalicelib.engine.world.telemetry", logging.INFO, "x.py", 1, "job %s", ("failed",), None
    )
    record.ids = {"run_id": "films-abc", "task": "train", "attempt": 2, "job_id": None, "reason": "a b\nc"}
    line = PlainLines().format(record)
    assert line.endswith(
        'INFO chalicelib.engine.world.telemetry: job failed  run_id=films-abc task=train attempt=2 reason="a b\\nc"'
    )
    record.ids = {}
    assert PlainLines().format(record).endswith("telemetry: job failed")


def test_only_the_first_invocation_of_a_process_is_cold(journal):
    with of_invocation("first"):
        pass
    with of_invocation("second"):
        logging.getLogger(OURS).info("here")
    assert (journal.lines[0]["cold_start"], journal.lines[0]["request_id"]) == (False, "second")


def test_lines_between_invocations_are_of_none(journal):
    logging.getLogger(OURS).info("here")
    assert "request_id" not in journal.lines[0]


def test_an_exception_with_all_its_lines_stays_on_one(journal):
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger(OURS).exception("it failed")
    [line] = journal.lines
    assert line["exception"].startswith("Traceback") and line["exception"].endswith("ValueError: two\nlines")


def test_every_line_about_a_job_has_the_ids_of_its_run_task_attempt_and_job(journal):
    theatre = Theatre(CHAIN, [("a", 1)])
    theatre.start()
    theatre.tell(["RUNNING"])
    theatre.deliver_events()
    theatre.play_on()
    about_jobs = [line for line in journal.lines if line["message"].startswith("job ")]
    assert len(about_jobs) == 7, "three jobs, each submitted and ended; of one an event told by itself that it runs"
    run_id = theatre.run.run_id
    known = {(job.job_id, theatre._task_of(job), theatre.attempt_of(job).number) for job in theatre.jobs()}
    assert {(line["job_id"], line["task"], line["attempt"]) for line in about_jobs} == known
    assert {(line["run_id"], line["epoch"], line["workflow"]) for line in about_jobs} == {(run_id, 0, "play")}


def test_the_line_of_a_jobs_end_says_how_and_why(journal):
    theatre = Theatre(CHAIN, [("a", 1)])
    theatre.start()
    theatre.play_on()
    first = next(line for line in journal.lines if line["message"] == "job retried")
    assert (first["failure"], first["exit_code"], first["state"]) == ("application", 1, "retried")
    assert (first["queue"], first["log_stream"]) == ("queue", "log")


def test_a_message_that_is_given_up_is_logged_with_the_ids_of_its_job(journal):
    theatre = Theatre(CHAIN)
    theatre.start()
    theatre.hooks["tally"] = fail = lambda: _fail_again(theatre, fail)
    theatre.tell(["ENDED"])
    for _ in range(RECEIPTS_MAXIMUM):
        theatre.clock.advance(seconds=100)
        with contextlib.suppress(MessagesLeft):
            theatre.deliver_events()
    [given_up] = [line for line in journal.lines if "goes to the dead letters" in line["message"]]
    assert (given_up["run_id"], given_up["job_id"]) == (theatre.run.run_id, theatre.jobs()[0].job_id)
    assert given_up["level"] == "ERROR"


def _fail_again(theatre: Theatre, fail) -> None:
    theatre.hooks["tally"] = fail
    raise RuntimeError("broken")


SECRET = "hunter2-not-for-anybody"


def plant(value):
    """The document with a secret wherever it has a text that the engine does not need."""
    needed = ("jobId", "jobName", "jobQueue", "status", "source", "detail-type", "parameters", "time")
    if isinstance(value, dict):
        return {name: one if name in needed else plant(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plant(one) for one in value]
    return SECRET if isinstance(value, str) else value


@pytest.mark.parametrize("broken", [False, True])
def test_no_line_holds_anything_of_an_events_environment_command_or_tags(journal, broken):
    theatre = Theatre(CHAIN, [("a", 1), ("a", 2)])
    theatre.start()
    if broken:
        theatre.hooks["tally"] = fail = lambda: _fail_again(theatre, fail)
    for status in ("RUNNING", "FAILED", "SUCCEEDED"):
        event = json.loads(theatre.document(theatre.jobs()[0], status))
        event["detail"]["container"] = {
            "environment": [{"name": SECRET, "value": SECRET}],
            "secrets": [{"name": SECRET, "valueFrom": SECRET}],
            "command": [SECRET],
        }
        event["detail"] |= {"tags": {SECRET: SECRET}, "jobDefinition": SECRET}
        for body in (json.dumps(event), json.dumps({**event, "detail": {**event["detail"], "attempts": SECRET}})):
            theatre.events.send([body])
            with contextlib.suppress(MessagesLeft):
                theatre.deliver_events()
    theatre.events.send([f'{{"detail": "{SECRET}', f'{{"source": "{SECRET}"}}', f'["{SECRET}"]'])
    theatre.commands.send([f'{{"command": "{SECRET}"}}', f'{{"kind": "{SECRET}"'])
    for _ in range(2 * RECEIPTS_MAXIMUM):
        theatre.clock.advance(seconds=100)
        for deliver in (theatre.deliver_events, theatre.deliver_commands):
            with contextlib.suppress(MessagesLeft):
                deliver()
    assert len(journal.lines) > 5
    assert SECRET not in journal.written.getvalue()


def test_a_lost_answer_a_429_and_a_second_job_are_logged_with_their_task(journal):
    theatre = Theatre(CHAIN)
    theatre.batch.faults.extend([SubmitFault.THROTTLED, SubmitFault.LOST_AFTER_EFFECT])
    theatre.start()
    theatre.play_on()
    told = {line["message"].partition(":")[0]: line.get("task") for line in journal.lines}
    assert told["Batch throttles; the job is submitted later"] == "a"
    assert told["nobody knows whether Batch took the job"] == "a"


@pytest.mark.parametrize(("given", "level"), [("", None), ("debug", "DEBUG"), (" WARNING ", "WARNING")])
def test_the_level_is_what_the_environment_says(given, level):
    assert level_of({LOG_LEVEL: given}) == level


def test_a_level_that_is_none_is_refused_with_the_rule_and_the_value():
    with pytest.raises(UserMistake, match=r"^BATCHWRIGHT_LOG_LEVEL must be one of DEBUG, .*, not 'LOUD'; leave it out"):
        level_of({LOG_LEVEL: "loud"})


@pytest.mark.usefixtures("as_they_were")
def test_in_lambda_everything_goes_through_one_handler_and_ours_from_info_on():
    open_journal({FUNCTION: "batchwright-dev-sweep"})
    [handler] = logging.getLogger().handlers
    assert isinstance(handler.formatter, JsonLines)
    assert logging.getLogger("chalicelib.engine.inbox.sweep").isEnabledFor(logging.INFO)
    assert not logging.getLogger("botocore").isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("as_they_were")
def test_elsewhere_nothing_changes_unless_it_is_asked_for():
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    before = (list(root.handlers), ours.level)
    open_journal({})
    assert (root.handlers, ours.level) == before
    open_journal({LOG_LEVEL: "ERROR"})
    assert (root.handlers, ours.level) == (before[0], logging.ERROR)
