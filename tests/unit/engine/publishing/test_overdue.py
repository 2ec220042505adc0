"""Jobs of runs that wait or run for long: told once each, whatever was heard when."""

from __future__ import annotations

import json

import pytest

from tests.memory.theatre import Cut, Theatre
from tests.unit.engine.publishing.test_outbox import ONE, WIDE, ids, late


def running_since(theatre: Theatre, name: str, at_ms: int) -> None:
    document = json.loads(theatre.document(theatre.jobs(name)[0], "RUNNING"))
    document["detail"]["startedAt"] = at_ms
    theatre.deliver_event(json.dumps(document))


def test_a_job_of_which_it_is_heard_late_that_it_runs_is_told():
    theatre = Theatre(WIDE, definition={"notify": {"on": ["job_running"], "running_after_seconds": 100}})
    theatre.start()
    began_ms = theatre.clock.now_ms()
    theatre.sweep(after_seconds=300)
    running_since(theatre, "p1", began_ms)
    late(theatre)
    assert [job.task for job in theatre.notices.published[0].jobs] == ["p1"]


def test_two_sets_of_jobs_are_never_told_under_one_id():
    theatre = Theatre(WIDE, definition={"notify": {"on": ["job_running"], "running_after_seconds": 100}})
    theatre.start()
    running_since(theatre, "p0", theatre.clock.now_ms())
    theatre.clock.advance(seconds=250)
    running_since(theatre, "p1", theatre.clock.now_ms())
    theatre.crash(Cut("note_jobs_told"), lambda: theatre.sweep(after_seconds=50))
    late(theatre)
    told = {notice.notice_id: [job.task for job in notice.jobs] for notice in theatre.notices.published}
    assert sorted(told.values()) == [["p0"], ["p0", "p1"]]


def test_a_job_is_told_to_wait_and_later_to_run_each_once():
    notify = {"on": ["job_waiting", "job_running"], "waiting_after_seconds": 100, "running_after_seconds": 100}
    theatre = Theatre(ONE, definition={"notify": notify})
    theatre.start()
    late(theatre)
    running_since(theatre, "a", theatre.clock.now_ms())
    late(theatre)
    assert [one.split("/")[1] for one in ids(theatre)] == ["job_waiting", "job_running"]


def pending(theatre: Theatre, summary: str) -> None:
    body = theatre.document(theatre.jobs("a")[0], "PENDING")
    theatre.deliver_event(body.replace('"jobName"', f'"arrayProperties": {{"statusSummary": {summary}}}, "jobName"'))


@pytest.mark.parametrize(("summary", "kind"), [('{"RUNNABLE": 3}', "job_waiting"), ('{"RUNNING": 1}', "job_running")])
def test_an_array_waits_until_one_of_its_jobs_runs(summary, kind):
    notify = {"on": ["job_waiting", "job_running"], "waiting_after_seconds": 100, "running_after_seconds": 100}
    theatre = Theatre(ONE, definition={"notify": notify})
    theatre.start()
    pending(theatre, summary)
    late(theatre)
    assert [one.split("/")[1] for one in ids(theatre)] == [kind]
