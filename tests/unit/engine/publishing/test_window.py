"""Failures in a burst are told in one notice, and the same set of them has one id."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.window import span_seconds
from chalicelib.core.plan.task import PlannedTask
from chalicelib.core.run.commands import TellTaskFailures
from chalicelib.engine.inbox.commands import carry_out
from chalicelib.engine.world.world import DONE, NotYet
from tests.memory.theatre import Cut, Theatre, plan_of, task

WIDE = plan_of(*((task(f"part-{number}"), ()) for number in range(12)), (task("slow"), ()))
ALL_FAIL = [(f"part-{number}", 1) for number in range(12)]


def in_gpu(one: PlannedTask) -> PlannedTask:
    return replace(one, job=replace(one.job, queue="gpu"))


def going_on(*failed: int) -> Theatre:
    """A run of which these parts have failed, and the rest goes on."""
    theatre = Theatre(WIDE, ALL_FAIL)
    theatre.start()
    while theatre.deliver_commands():
        pass
    fail(theatre, *failed)
    return theatre


def fail(theatre: Theatre, *parts: int) -> None:
    for number in parts:
        [job] = theatre.jobs(f"part-{number}")
        theatre.logs.write("log", "line one", "line two")
        theatre.deliver_event(theatre.ending_document(job))


def digests(theatre: Theatre) -> list[Notice]:
    return [notice for notice in theatre.notices.published if notice.kind is NoticeKind.TASK_FAILED]


def wait(theatre: Theatre, seconds: float) -> None:
    theatre.clock.advance(seconds=seconds)
    while theatre.deliver_commands():
        pass


def test_a_burst_makes_one_notice_that_counts_all_and_names_ten():
    theatre = going_on(3, *(number for number in range(12) if number != 3))
    wait(theatre, 10)
    [notice] = digests(theatre)
    assert notice.notice_id == f"{theatre.run.run_id}/0/task_failed/12"
    assert notice.job_count == 12
    assert [job.task for job in notice.jobs] == ["part-3", *(f"part-{n}" for n in range(10) if n != 3)]
    assert notice.jobs[0].log_lines == ("line one", "line two") * 5
    assert [bool(job.log_lines) for job in notice.jobs] == [True] * 3 + [False] * 7
    assert notice.jobs[0].exit_code == 1
    assert notice.jobs[0].queue == "queue"
    assert notice.queues == ("queue",)
    assert notice.text == "So many have failed for good by now; the run goes on without what follows from them."


def test_a_notice_of_failures_is_about_the_queues_of_those_too_that_it_does_not_name():
    tasks = [task(f"part-{number}") for number in range(11)]
    plan = plan_of(*((one, ()) for one in (*tasks, in_gpu(task("part-11")), task("slow"))))
    theatre = Theatre(plan, [*ALL_FAIL, ("slow", 1)])
    theatre.start()
    while theatre.deliver_commands():
        pass
    fail(theatre, *range(12))
    wait(theatre, 10)
    [notice] = digests(theatre)
    assert {job.queue for job in notice.jobs} == {"queue"}
    assert notice.queues == ("gpu", "queue")
    theatre.play_on()
    [end] = [one for one in theatre.notices.published if one.kind is NoticeKind.RUN_FAILED]
    assert {job.queue for job in end.jobs} == {"queue"}
    assert end.queues == ("gpu", "queue")


def test_later_failures_are_told_less_and_less_often():
    theatre = going_on(0)
    wait(theatre, 10)
    fail(theatre, 1, 2)
    wait(theatre, 59)
    assert [notice.job_count for notice in digests(theatre)] == [1]
    wait(theatre, 1)
    assert [notice.job_count for notice in digests(theatre)] == [1, 3]
    assert [span_seconds(number) for number in range(1, 7)] == [10, 60, 300, 900, 900, 900]


def test_a_failure_after_a_quiet_time_is_told_soon_again():
    theatre = going_on(0)
    for number in range(1, 6):
        wait(theatre, 10)
        assert len(digests(theatre)) == number
        wait(theatre, 900)
        fail(theatre, number)
    wait(theatre, 10)
    fail(theatre, 6)
    wait(theatre, 59)
    assert [notice.job_count for notice in digests(theatre)] == [1, 2, 3, 4, 5, 6]


def test_no_news_are_not_told():
    theatre = going_on(0)
    wait(theatre, 10)
    wait(theatre, 3_600)
    assert len(digests(theatre)) == 1


def test_of_a_run_that_ended_the_notice_of_its_end_tells():
    theatre = going_on(0)
    theatre.play_on()
    [notice] = theatre.notices.published
    assert notice.notice_id == f"{theatre.run.run_id}/0/failed"
    assert notice.job_count == 12
    assert len(notice.jobs) == 10
    assert dict(notice.task_counts) == {"failed": 12, "succeeded": 1}
    wait(theatre, 60)
    assert len(theatre.notices.published) == 1


def test_the_failure_that_ends_a_run_is_named_with_its_reason_before_its_record_is_committed():
    theatre = Theatre(plan_of((task("only"), ())), [("only", 1)])
    theatre.start()
    theatre.play_on()
    [notice] = theatre.notices.published
    [job] = notice.jobs
    assert (job.task, job.exit_code, job.reason) == ("only", 1, "Essential container in task exited")
    assert theatre.store.window(f"{theatre.run.run_id}/0") is None, "nobody waits for more"


def test_of_a_failed_array_it_is_told_how_many_of_its_jobs_failed():
    one = task("parts")
    theatre = Theatre(plan_of((replace(one, job=replace(one.job, array_size=40)), ())), [("parts", 1)])
    theatre.start()
    event = json.loads(theatre.ending_document(theatre.jobs("parts")[0]))
    event["detail"]["arrayProperties"] = {"size": 40, "statusSummary": {"SUCCEEDED": 37, "FAILED": 3}}
    theatre.deliver_event(json.dumps(event))
    [job] = theatre.notices.published[0].jobs
    assert (job.failed_children, job.array_size) == (3, 40)


def test_a_notice_goes_out_without_the_lines_of_a_log_that_cannot_be_read():
    theatre = going_on()

    def refuse() -> None:
        raise PermissionError("no logs for you")

    fail(theatre, 0)
    theatre.hooks["tail"] = refuse
    wait(theatre, 10)
    [notice] = digests(theatre)
    assert notice.jobs[0].log_lines == ()


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("call", ["window", "close_window", "read_tally", "publish", "settle_window"])
def test_a_digest_whose_teller_died_is_told_by_the_redelivery_under_the_same_id(call, after_effect):
    theatre = going_on(0, 1)
    theatre.clock.advance(seconds=10)
    assert theatre.crash(Cut(call, after_effect), theatre.deliver_commands)
    wait(theatre, 360)
    assert {notice.notice_id for notice in digests(theatre)} == {f"{theatre.run.run_id}/0/task_failed/2"}


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("call", ["send", "open_window"])
def test_a_window_whose_opener_died_is_opened_by_the_redelivery(call, after_effect):
    theatre = going_on()
    [job] = theatre.jobs("part-0")
    assert theatre.crash(Cut(call, after_effect), lambda: theatre.deliver_event(theatre.ending_document(job)))
    theatre.clock.advance(seconds=360)
    theatre.deliver_events()
    wait(theatre, 60)
    assert {notice.notice_id for notice in digests(theatre)} == {f"{theatre.run.run_id}/0/task_failed/1"}


def test_a_command_that_is_quicker_than_its_window_comes_again_until_its_sender_is_surely_dead():
    theatre = going_on()
    command = TellTaskFailures(theatre.run.run_id, 0, 1, theatre.clock.now_ms())
    assert isinstance(carry_out(theatre.world(), command), NotYet)
    theatre.clock.advance(seconds=theatre.settings.lease_seconds)
    assert carry_out(theatre.world(), command) == DONE


@pytest.mark.parametrize("call", ["window", "close_window", "read_tally", "publish", "settle_window"])
def test_a_failure_that_comes_while_a_digest_is_told_is_in_it_or_in_the_next(call):
    theatre = going_on(0)
    theatre.clock.advance(seconds=10)
    theatre.hooks[call] = lambda: fail(theatre, 1)
    theatre.deliver_commands()
    wait(theatre, 60)
    assert max(notice.job_count for notice in digests(theatre)) == 2
    assert len({notice.notice_id for notice in digests(theatre)}) == len(digests(theatre))


def test_a_digest_whose_command_was_lost_is_told_by_the_sweep():
    theatre = going_on(0)
    theatre.commands.delete([message.receipt_handle for message in _all_messages(theatre)])
    theatre.sweep(after_seconds=700)
    assert [notice.notice_id for notice in digests(theatre)] == [f"{theatre.run.run_id}/0/task_failed/1"]


def _all_messages(theatre: Theatre) -> list:
    theatre.clock.advance(seconds=11)
    return theatre.commands.receive(10)


def test_what_a_redrive_keeps_is_not_told_again():
    plan = plan_of((task("kept"), ()), (task("again"), ()), (task("slow"), ()))
    theatre = Theatre(plan, [("kept", 1), ("again", 1)])
    theatre.start()
    theatre.play_on()
    theatre.redrive(tasks=("again", "slow"))
    theatre.deliver_commands()
    job = theatre.jobs("again")[-1]
    theatre.deliver_event(theatre.ending_document(job))
    wait(theatre, 10)
    [notice] = digests(theatre)
    assert notice.notice_id == f"{theatre.run.run_id}/1/task_failed/1"
    assert [job.task for job in notice.jobs] == ["again"]
    theatre.play_on()
    assert theatre.notices.published[-1].job_count == 2


def test_an_allowed_failure_is_told_by_the_end_of_its_run_alone_and_as_one():
    plan = plan_of((task("probe", allow_failure=True), ()), (task("part"), ()), (task("slow"), ()))
    theatre = Theatre(plan, [("probe", 1), ("part", 1)])
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("probe")[0]))
    wait(theatre, 60)
    theatre.sweep(after_seconds=300)
    assert theatre.notices.published == []
    theatre.deliver_event(theatre.ending_document(theatre.jobs("part")[0]))
    wait(theatre, 10)
    [notice] = digests(theatre)
    assert [(job.task, job.is_allowed) for job in notice.jobs] == [("part", False)]
    assert notice.notice_id.endswith("/task_failed/1")
    theatre.play_on()
    end = theatre.notices.published[-1]
    assert [(job.task, job.is_allowed) for job in end.jobs] == [("part", False), ("probe", True)]
    assert end.text == "1 of its tasks failed for good. 1 more failed, as the workflow allows."


def test_a_failure_that_a_redrive_kept_is_named_by_the_job_that_failed():
    plan = plan_of((task("a", allow_failure=True), ()), (task("b"), ()))
    theatre = Theatre(plan, [("a", 1), ("b", 1)])
    theatre.start()
    theatre.play_on()
    theatre.redrive(scope="tasks", tasks=("b",))
    theatre.play_on()
    end = theatre.notices.published[-1]
    [kept] = [job for job in end.jobs if job.task == "a"]
    [submitted] = theatre.jobs("a")
    assert end.notice_id.endswith("/1/failed")
    assert (kept.name, kept.job_id, kept.attempt) == (submitted.request.name, submitted.job_id, 1)
    assert (kept.failure, kept.exit_code, kept.log_stream) == ("application", 1, "log")
