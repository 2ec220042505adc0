"""Who hears of a run: the topic, the run's own queue, the event bus; and of what is late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.notice.preferences import KINDS
from chalicelib.core.run.requests import Scope
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.world.world import Settings
from tests.memory.notices import MemoryChanges
from tests.memory.theatre import Crash, Cut, Theatre, plan_of, task

CHAIN = plan_of((task("a", attempts=2), ()), (task("b"), ["a"]))
QUEUE = "batchwright-notices-mine"


def theatre_of(notify: dict[str, Any] | None = None, **more: Any) -> Theatre:
    theatre = Theatre(CHAIN, definition={"notify": notify} if notify is not None else None, **more)
    theatre.changes = MemoryChanges()
    return theatre


def test_a_start_is_told_once_its_first_tasks_are_submitted():
    theatre = theatre_of({"on": ["run_started"]})
    theatre.start()
    calls = theatre.calls
    assert theatre.notices.ids == [f"{theatre.run.run_id}/0/started"]
    assert calls.index("publish") > calls.index("submit")


def test_by_default_a_start_is_not_told():
    theatre = Theatre(CHAIN)
    theatre.start()
    assert theatre.notices.ids == []


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("call", range(14))
def test_a_start_whose_starter_died_is_told_by_the_sweep_or_was_before(call, after_effect):
    theatre = theatre_of({"on": ["run_started"]})
    theatre.crash(Cut(call, after_effect), theatre.start)
    if theatre.store.list_runs("play", 1).runs:
        theatre.sweep(after_seconds=300)
        assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/started"}


def test_a_start_that_was_told_is_not_told_again_by_the_sweep_nor_by_who_asks_again():
    theatre = theatre_of({"on": ["run_started"]})
    theatre.start()
    theatre.start()
    theatre.sweep(after_seconds=300)
    assert len(theatre.notices.ids) == 1


def test_every_epoch_is_told_to_have_started():
    theatre = theatre_of({"on": ["run_started"]})
    theatre.start()
    theatre.play_on()
    theatre.redrive(scope=Scope.ALL)
    theatre.play_on()
    assert theatre.notices.ids == [f"{theatre.run.run_id}/{epoch}/started" for epoch in (0, 1)]


def test_a_runs_own_queue_hears_of_its_start_and_end_whatever_the_topic_wants():
    theatre = theatre_of({"on": []})
    theatre.start(queue=QUEUE)
    theatre.play_on()
    run_id = theatre.run.run_id
    assert theatre.notices.ids_sent(QUEUE) == [f"{run_id}/0/started", f"{run_id}/0/succeeded"]
    assert theatre.notices.ids == []


def test_a_queue_that_is_gone_keeps_no_run_from_ending(caplog):
    theatre = theatre_of({"queue": QUEUE})
    theatre.notices.gone.add(QUEUE)
    theatre.start()
    theatre.play_on()
    assert theatre.run.state == "succeeded"
    assert f"does not reach queue {QUEUE}" in caplog.text


def test_what_holds_is_settled_when_the_run_starts():
    theatre = theatre_of()
    theatre.settings = Settings(notify_kinds=())
    theatre.start()
    theatre.settings = Settings(notify_kinds=KINDS)
    theatre.play_on()
    assert theatre.notices.ids == []


def test_a_late_run_is_told_once_by_the_look_that_finds_it_late():
    theatre = theatre_of({"late_after_seconds": 500})
    theatre.start()
    for _ in range(4):
        theatre.sweep(after_seconds=300)
    assert theatre.notices.ids == [f"{theatre.run.run_id}/0/late"]


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_look_that_failed_after_telling_tells_again_with_the_same_id(after_effect):
    theatre = theatre_of({"late_after_seconds": 100})
    theatre.start()
    theatre.cut = Cut("publish", after_effect)
    with pytest.raises(Crash):
        theatre.sweep(after_seconds=300)
    theatre.cut = None
    theatre.sweep(after_seconds=300)
    assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/late"}


def test_jobs_that_wait_or_run_for_too_long_are_told_once_and_together():
    wide = plan_of(*((task(f"part-{number}"), ()) for number in range(3)))
    notify = {"on": ["job_waiting", "job_running"], "waiting_after_seconds": 100, "running_after_seconds": 600}
    theatre = Theatre(wide, definition={"notify": notify})
    theatre.start()
    theatre.deliver_event(theatre.document(theatre.jobs("part-1")[0], "RUNNING"))
    for _ in range(5):
        theatre.sweep(after_seconds=300)
    run_id = theatre.run.run_id
    waiting, running = theatre.notices.published[:2]
    assert theatre.notices.ids[0].startswith(f"{run_id}/0/job_waiting/0/1/")
    assert [job.task for job in waiting.jobs] == ["part-0", "part-2"]
    assert (waiting.job_count, "2 jobs wait for more than 100 seconds in run" in waiting.subject) == (2, True)
    assert waiting.at_ms == theatre.clock.now_ms() - 4 * 300_000, "the look that found them"
    assert running.notice_id.startswith(f"{run_id}/0/job_running/1/1/")
    assert len(set(theatre.notices.ids)) == len(theatre.notices.ids)


def test_of_jobs_that_wait_for_too_long_all_queues_are_told():
    parts = [task(f"part-{number}") for number in range(11)]
    last = task("part-11")
    wide = plan_of(*((one, ()) for one in (*parts, replace(last, job=replace(last.job, queue="gpu")))))
    theatre = Theatre(wide, definition={"notify": {"waiting_after_seconds": 100}})
    theatre.start()
    while theatre.deliver_commands():
        pass
    theatre.sweep(after_seconds=300)
    [notice] = theatre.notices.published
    assert (notice.job_count, {job.queue for job in notice.jobs}) == (12, {"queue"})
    assert notice.queues == ("gpu", "queue")


def test_the_bus_hears_of_every_change_of_the_run_and_its_tasks():
    theatre = theatre_of()
    theatre.fails = {("a", 1)}
    theatre.start()
    while theatre.tell(["RUNNING"]):
        theatre.deliver_events()
        theatre.tell(["ENDED"])
        theatre.deliver_events()
        theatre.clock.advance(seconds=60)
        theatre.deliver_commands()
    run_id = theatre.run.run_id
    assert theatre.changes is not None
    assert list(dict.fromkeys(theatre.changes.ids)) == [
        f"{run_id}/0/running",
        f"{run_id}/0/0/1/running",
        f"{run_id}/0/0/1/waiting",
        f"{run_id}/0/0/2/running",
        f"{run_id}/0/0/2/succeeded",
        f"{run_id}/0/1/1/running",
        f"{run_id}/0/succeeded",
        f"{run_id}/0/1/1/succeeded",
    ]


def test_the_bus_hears_of_pauses_and_of_a_cancel():
    theatre = theatre_of()
    theatre.start()
    theatre.pause()
    theatre.resume()
    request_cancel(theatre.world(), theatre.run.run_id, "enough")
    while theatre.deliver_commands():
        pass
    theatre.play_on()
    assert theatre.changes is not None
    told = [one.removeprefix(f"{theatre.run.run_id}/0/") for one in theatre.changes.ids]
    assert list(dict.fromkeys(told)) == ["running", "paused/1", "running/2", "cancelling", "cancelled", "0/1/cancelled"]


def test_an_ending_is_told_to_the_bus_before_it_is_committed():
    theatre = theatre_of()
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    assert theatre.calls.index("tell") < theatre.calls.index("commit")
