"""Telling holds nothing up, and nothing is lost by it: outages and refusals of topic, bus, and a run's own queue."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.aws.eventbridge import EventBridgeChanges
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.run.bus_events import Change
from chalicelib.core.telemetry.metrics import Figure
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.start import start_run
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.notices import MemoryChanges
from tests.memory.theatre import Cut, Theatre, plan_of, task

ONE = plan_of((task("a"), ()))
CHAIN = plan_of((task("a", attempts=2), ()), (task("b"), ["a"]))
WIDE = plan_of((task("p0"), ()), (task("p1"), ()))
QUEUE = "batchwright-notices-mine"


class Denied(Exception):
    """As botocore raises what no repetition helps against."""


def refuse(*args: Any) -> None:
    raise Denied("AuthorizationError")


def with_bus(theatre: Theatre, *, failing: bool = False) -> Theatre:
    theatre.changes = MemoryChanges()
    theatre.changes.failing = failing
    return theatre


def deliver_all(theatre: Theatre, times: int = 1, *, seconds: int = 0) -> None:
    """Deliver what can be, several times, with a pause after each."""
    for _ in range(times):
        for deliver in (theatre.deliver_events, theatre.deliver_commands):
            try:
                while deliver():
                    pass
            except MessagesLeft:
                pass
        theatre.clock.advance(seconds=seconds)


def ids(theatre: Theatre) -> list[str]:
    return [one.removeprefix(f"{theatre.run.run_id}/") for one in theatre.notices.ids]


def changes(theatre: Theatre) -> list[str]:
    assert theatre.changes is not None
    return [one.removeprefix(f"{theatre.run.run_id}/") for one in theatre.changes.ids]


# Outages


def test_a_run_starts_while_the_bus_is_down_and_its_start_is_told_once_that_is_up():
    theatre = with_bus(Theatre(ONE), failing=True)
    theatre.start()
    assert len(theatre.jobs()) == 1
    theatre.sweep(after_seconds=300)
    assert theatre.changes
    theatre.changes.failing = False
    for _ in range(2):
        theatre.sweep(after_seconds=300)
    assert changes(theatre).count("0/running") == 1


def test_a_cancel_ends_the_jobs_while_bus_and_topic_are_down_and_is_told_later():
    theatre = with_bus(Theatre(CHAIN), failing=True)
    theatre.notices.failing = True
    theatre.start()
    request_cancel(theatre.world(), theatre.run.run_id, "enough")
    deliver_all(theatre)
    (job,) = theatre.jobs()
    assert job.terminated == "enough"
    theatre.events.send([theatre.ending_document(job)])
    deliver_all(theatre)
    assert theatre.run.state == "cancelled"
    assert theatre.changes
    theatre.changes.failing = theatre.notices.failing = False
    deliver_all(theatre, 5, seconds=120)
    theatre.sweep(after_seconds=300)
    assert set(ids(theatre)) == {"0/cancelled"}
    assert {"0/running", "0/cancelling", "0/cancelled", "0/0/1/cancelled"} <= set(changes(theatre))


def test_a_resumed_run_goes_on_while_the_bus_is_down():
    theatre = with_bus(Theatre(CHAIN), failing=True)
    theatre.start()
    theatre.pause()
    deliver_all(theatre)
    theatre.resume()
    theatre.end_jobs()
    theatre.tell(["ENDED"])
    deliver_all(theatre, 3, seconds=10)
    assert [theatre.attempt_of(job).index for job in theatre.jobs()] == [0, 1]


def test_a_retry_is_arranged_once_while_the_bus_is_down_and_told_later():
    theatre = with_bus(Theatre(CHAIN, [("a", 1)]), failing=True)
    theatre.start()
    theatre.tell(["ENDED"])
    deliver_all(theatre, 20, seconds=60)
    assert len(theatre.jobs()) == 2
    assert theatre.commands.bodies == []
    assert theatre.changes
    theatre.changes.failing = False
    late(theatre)
    assert "0/0/1/waiting" in changes(theatre)


def test_the_sweep_heals_a_run_while_bus_and_topic_are_down():
    theatre = with_bus(Theatre(CHAIN), failing=True)
    theatre.notices.failing = True
    theatre.start()
    theatre.end_jobs()
    for _ in range(8):
        theatre.sweep(after_seconds=300)
        theatre.end_jobs()
    assert theatre.run.state == "succeeded"
    assert theatre.changes
    theatre.changes.failing = theatre.notices.failing = False
    theatre.sweep(after_seconds=300)
    assert ids(theatre) == ["0/succeeded"]
    assert {"0/running", "0/succeeded"} <= set(changes(theatre))


def test_a_change_that_fails_for_one_task_holds_up_no_other_of_its_batch():
    theatre = with_bus(Theatre(plan_of((task("a"), ()), (task("b"), ()), (task("c"), ["a"]))), failing=True)
    theatre.start()
    theatre.tell(["RUNNING"])
    theatre.tell(["ENDED"])
    deliver_all(theatre)
    assert theatre.endings() == {"a": "succeeded", "b": "succeeded"}
    assert theatre.jobs("c")


def test_a_place_that_fails_again_and_again_is_left_alone_for_the_rest_of_the_sweep():
    theatre = Theatre(ONE, definition={"notify": {"on": ["run_late"], "late_after_seconds": 60}})
    for number in range(8):
        start_run(theatre.world(), "play", {}, f"key-{number}")
    theatre.notices.failing = True
    theatre.sweep(after_seconds=300)
    assert theatre.calls.count("publish") == 3
    assert theatre.calls.count("swept") == 8


# Refusals


@pytest.mark.parametrize("on", [["run_succeeded"], ["run_started", "run_failed", "task_failed"]])
def test_what_topic_and_bus_refuse_for_good_is_counted_and_the_run_goes_on(on, caplog):
    theatre = with_bus(Theatre(CHAIN, [("b", 1)] if "run_failed" in on else [], definition={"notify": {"on": on}}))
    assert theatre.changes
    theatre.notices.publish = theatre.changes.tell = refuse  # type: ignore[method-assign, assignment]
    theatre.start()
    theatre.play_on()
    assert theatre.run.state.ended
    assert theatre.dead.letters == []
    assert theatre.figures.of(Figure.TELLINGS_REFUSED) > 1
    assert "does not reach the topic, and is given up" in caplog.text
    assert "does not reach the event bus, and is given up" in caplog.text
    theatre.sweep(after_seconds=300)
    assert theatre.run.sweep_at_ms is None


def test_entries_that_the_bus_refuses_for_good_are_counted_once_and_the_run_is_over():
    theatre = Theatre(CHAIN)
    calls: list[int] = []

    def put_events(Entries: list[Any]) -> dict[str, Any]:
        calls.append(len(Entries))
        return {"Entries": [{"ErrorCode": "NotAuthorizedForSourceException"} for _ in Entries]}

    client = SimpleNamespace(put_events=put_events)
    theatre.changes = EventBridgeChanges(lambda: client, "default")  # type: ignore[assignment]
    theatre.start()
    theatre.play_on()
    assert ids(theatre) == ["0/succeeded"]
    theatre.sweep(after_seconds=300)
    assert theatre.run.sweep_at_ms is None
    assert theatre.figures.of(Figure.TELLINGS_REFUSED) == len(calls) < 10


# Each place by itself


def down(theatre: Theatre, place: str) -> None:
    """Let one place fail until `theatre.notices` and the bus are what they were."""

    def busy(*args: Any) -> None:
        raise TryAgain(f"{place} fails")

    if place == "bus":
        assert theatre.changes
        theatre.changes.failing = True
    else:
        setattr(theatre.notices, {"topic": "publish", "queue": "send"}[place], busy)


def up(theatre: Theatre) -> None:
    assert theatre.changes
    theatre.changes.failing = False
    for name in ("publish", "send"):
        vars(theatre.notices).pop(name, None)


def heard(theatre: Theatre) -> dict[str, list[str]]:
    queue = [one.removeprefix(f"{theatre.run.run_id}/") for one in theatre.notices.ids_sent(QUEUE)]
    return {"topic": ids(theatre), "queue": queue, "bus": [one for one in changes(theatre) if one.count("/") == 1]}


@pytest.mark.parametrize("place", ["bus", "topic", "queue"])
def test_while_one_place_fails_the_others_hear_the_end_of_a_run_once_and_every_record_ends(place):
    theatre = with_bus(Theatre(plan_of(*((task(f"t{number}"), ()) for number in range(20))), [("t3", 1)]))
    theatre.start(queue=QUEUE)
    deliver_all(theatre)
    down(theatre, place)
    theatre.tell()
    for _ in range(12):
        deliver_all(theatre, 5, seconds=60)
        theatre.sweep()
    told = heard(theatre)
    assert told.pop(place).count("0/failed") == 0
    assert [one.count("0/failed") for one in told.values()] == [1, 1]
    assert {theatre.record(f"t{number}").state.ended for number in range(20)} == {True}  # type: ignore[union-attr]
    assert theatre.events.bodies == []
    up(theatre)
    deliver_all(theatre, 3, seconds=60)
    late(theatre)
    assert {name: one.count("0/failed") for name, one in heard(theatre).items()} == {"topic": 1, "queue": 1, "bus": 1}
    endings = {f"0/{number}/1/{'failed' if number == 3 else 'succeeded'}" for number in range(20)}
    assert endings <= set(changes(theatre))
    assert (theatre.run.untold, theatre.run.sweep_at_ms) == (frozenset(), None)


def test_while_the_bus_fails_people_are_told_what_a_job_died_of():
    theatre = with_bus(Theatre(plan_of((task("a"), ()), (task("b"), ())), [("a", 1)]), failing=True)
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    deliver_all(theatre, 2, seconds=20)
    theatre.deliver_event(theatre.ending_document(theatre.jobs("b")[0]))
    assert ids(theatre) == ["0/task_failed/1", "0/failed"]
    assert [(job.task, job.failure, job.exit_code) for notice in theatre.notices.published for job in notice.jobs] == [
        ("a", "application", 1),
        ("a", "application", 1),
    ]


@pytest.mark.parametrize("place", ["topic", "queue"])
def test_a_digest_that_one_place_missed_is_told_there_later_and_not_again_elsewhere(place):
    plan = plan_of((task("a"), ()), (task("b"), ()))
    theatre = with_bus(Theatre(plan, [("a", 1)], definition={"notify": {"on": ["task_failed"]}}))
    theatre.start(queue=QUEUE)
    down(theatre, place)
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    deliver_all(theatre, 20, seconds=60)
    late(theatre)
    up(theatre)
    late(theatre)
    told = heard(theatre)
    assert [told[one].count("0/task_failed/1") for one in ("topic", "queue")] == [1, 1]


@pytest.mark.parametrize("place", ["topic", "queue"])
def test_what_the_sweep_finds_late_is_told_once_in_each_place_whichever_fails(place):
    notify = {"on": ["run_late", "job_waiting"], "late_after_seconds": 100, "waiting_after_seconds": 100}
    theatre = with_bus(Theatre(WIDE, definition={"notify": notify}))
    theatre.start(queue=QUEUE)
    down(theatre, place)
    for _ in range(2):
        theatre.sweep(after_seconds=150)
    up(theatre)
    late(theatre)
    kinds = {name: sorted(one.split("/")[1] for one in told) for name, told in heard(theatre).items()}
    assert kinds["topic"] == ["job_waiting", "late"]
    assert kinds["queue"] == ["job_waiting", "late", "started"]


def test_what_the_bus_missed_of_many_shards_it_hears_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr("chalicelib.core.limits.SHARD_SIZE", 1)
    plan = plan_of(*((task(f"t{number}", attempts=2), ()) for number in range(20)))
    theatre = with_bus(Theatre(plan, [("t7", 1)]), failing=True)
    theatre.start()
    for _ in range(5):
        theatre.tell()
        deliver_all(theatre, seconds=60)
    assert theatre.run.state == "succeeded"
    up(theatre)
    theatre.sweep(after_seconds=300)
    first = len({one.split("/")[1] for one in changes(theatre) if one.count("/") == 3})
    assert 0 < first < 20
    for _ in range(3):
        theatre.sweep(after_seconds=300)
    waited = {"0/7/1/running", "0/7/1/waiting", "0/7/2/running", "0/7/2/succeeded"}
    assert waited | {f"0/{number}/1/succeeded" for number in range(20) if number != 7} <= set(changes(theatre))
    assert theatre.run.sweep_at_ms is None


# What is told once, and not lost


def test_an_end_whose_message_went_to_the_dead_letters_is_told_by_the_sweep():
    theatre = Theatre(ONE)

    def refuse_job(request: Any) -> str:
        raise UserMistake("no such queue")

    theatre.batch.submit = refuse_job  # type: ignore[method-assign]
    theatre.start()
    # SQS moves a message by itself over which the function died too often.
    theatre.crash(Cut("publish"), theatre.deliver_commands)
    assert theatre.run.state == "failed"
    theatre.sweep(after_seconds=300)
    assert ids(theatre) == ["0/failed"]


@pytest.mark.parametrize("late_seconds", [10, 250, 310])
def test_an_end_that_was_told_is_not_told_again_whenever_the_sweep_comes(late_seconds):
    theatre = Theatre(ONE)
    theatre.start()
    theatre.clock.advance(seconds=late_seconds)
    theatre.play_on()
    for _ in range(3):
        theatre.sweep(after_seconds=40)
    theatre.sweep(after_seconds=300)
    assert ids(theatre) == ["0/succeeded"]


def test_a_redrive_does_not_tell_the_failure_again():
    theatre = Theatre(ONE, [("a", 1)])
    theatre.start()
    theatre.play_on()
    theatre.redrive()
    assert ids(theatre) == ["0/failed"]


def test_a_redrive_and_a_pause_are_told_before_anybody_else_could_tell_them(monkeypatch):
    theatre = with_bus(Theatre(ONE, [("a", 1)]))
    theatre.start()
    theatre.play_on()
    left: list[frozenset[str]] = []
    send = theatre.commands.send

    def sent(bodies: Any, delay_seconds: int = 0) -> None:
        left.append(theatre.run.untold)
        send(bodies, delay_seconds)

    monkeypatch.setattr(theatre.commands, "send", sent)
    theatre.redrive()
    theatre.pause()
    assert left == [frozenset(), frozenset()]


def test_a_redrive_tells_the_failure_that_nobody_told():
    theatre = Theatre(ONE, [("a", 1)])
    theatre.start()
    theatre.notices.failing = True
    theatre.tell()
    deliver_all(theatre)
    assert theatre.run.state == "failed"
    theatre.redrive()
    theatre.notices.failing = False
    deliver_all(theatre, 3, seconds=60)
    assert ids(theatre)[0] == "0/failed"


def test_runs_that_cannot_be_told_do_not_keep_the_sweep_from_the_others():
    theatre = Theatre(ONE)
    for number in range(100):
        start_run(theatre.world(), "play", {}, f"key-{number}")
    theatre.clock.advance(seconds=100)
    last = start_run(theatre.world(), "play", {}, "last")
    theatre.clock.advance(seconds=150)
    theatre.notices.failing = True
    theatre.end_jobs()
    for job in theatre.jobs():
        if theatre.attempt_of(job).run_id != last.run_id:
            theatre.deliver_event(theatre.ending_document(job))
    theatre.sweep(after_seconds=300)
    stored = theatre.store.run(last.run_id)
    assert stored is not None
    assert stored.swept_at_ms is not None


def test_a_run_of_an_earlier_version_counts_as_told_once_it_has_ended():
    theatre = Theatre(ONE)
    theatre.start()
    theatre.play_on()
    theatre.notices.published.clear()
    assert theatre.run.untold == frozenset()
    theatre.sweep(after_seconds=300)
    assert ids(theatre) == []


def late(theatre: Theatre) -> None:
    for _ in range(3):
        theatre.sweep(after_seconds=300)


@pytest.mark.parametrize("kind", ["pause", "resume"])
def test_a_pause_or_resume_whose_asker_died_is_told_all_the_same(kind):
    theatre = with_bus(Theatre(CHAIN))
    theatre.start()
    act: Callable[[], Any] = theatre.pause
    if kind == "resume":
        theatre.pause()
        deliver_all(theatre)
        act = theatre.resume
    theatre.crash(Cut("switch_run", after_effect=True), act)
    late(theatre)
    told = "0/paused/1" if kind == "pause" else "0/running/2"
    assert changes(theatre).count(told) == 1


def test_a_switch_is_told_by_the_count_that_its_own_write_made():
    theatre = with_bus(Theatre(CHAIN))
    theatre.start()

    def others() -> None:
        theatre.pause()
        theatre.resume()

    theatre.hooks["switch_run"] = others
    theatre.pause()
    deliver_all(theatre)
    assert set(changes(theatre)) == {"0/running", "0/paused/1", "0/running/2", "0/paused/3"}


def test_a_late_run_that_could_not_be_told_is_told_once_it_can_be():
    theatre = Theatre(ONE, definition={"notify": {"on": ["run_late"], "late_after_seconds": 100}})
    theatre.start()
    theatre.notices.failing = True
    late(theatre)
    theatre.notices.failing = False
    late(theatre)
    assert ids(theatre) == ["0/late"]


# Digests and the sweep's budget


def test_a_look_that_finds_no_new_failure_reads_no_tally_twice(monkeypatch):
    monkeypatch.setattr("chalicelib.core.limits.SHARD_SIZE", 2)
    plan = plan_of(*((task(f"t{number}"), ()) for number in range(6)))
    theatre = Theatre(plan, [("t0", 1), ("t3", 1)])
    theatre.start()
    deliver_all(theatre)
    for name in ("t0", "t3"):
        theatre.deliver_event(theatre.ending_document(theatre.jobs(name)[0]))
    deliver_all(theatre, 3, seconds=60)
    assert any(one.startswith("0/task_failed/") for one in ids(theatre))
    theatre.sweep(after_seconds=300)
    theatre.sweep(after_seconds=300)
    # One for each shard, and one to see whether the run is over.
    assert theatre.calls.count("read_tally") == plan.shard_count + 1


def test_what_a_redrive_keeps_is_known_without_a_look_at_records(monkeypatch):
    monkeypatch.setattr("chalicelib.core.limits.SHARD_SIZE", 2)
    plan = plan_of(*((task(f"t{number}"), ()) for number in range(4)))
    theatre = Theatre(plan, [("t0", 1), ("t1", 1)], definition={"notify": {"on": ["task_failed"]}})
    theatre.start()
    theatre.play_on()
    theatre.notices.published.clear()
    theatre.redrive(scope="tasks", tasks=("t1", "t2"))
    theatre.play_on()
    assert [one for one in ids(theatre) if one.startswith("1/")] == ["1/task_failed/1"]
    assert theatre.store.read_tally(theatre.run.run_id, 1, 0).kept_failed == 0b01


def test_the_bus_hears_of_all_jobs_of_a_batch_that_run_in_one_call():
    theatre = with_bus(Theatre(WIDE))
    theatre.start()
    theatre.tell(["RUNNING"])
    calls: list[list[Change]] = []
    assert theatre.changes
    theatre.changes.tell = lambda told: calls.append(list(told))  # type: ignore[method-assign, assignment]
    theatre.deliver_events()
    assert [len(told) for told in calls] == [2]
