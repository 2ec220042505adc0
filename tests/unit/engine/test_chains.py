"""No work goes round from a queue to its function and back more often than Lambda allows, and no long wait goes round
at all.

Lambda ends a chain of about 16 rounds
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html). The queues in memory count the rounds
themselves, whatever the engine counts.
"""

from __future__ import annotations

import ast
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

import chalicelib.engine
from chalicelib.core import chain
from chalicelib.core.chain import HOPS_MAXIMUM
from chalicelib.core.errors import TryAgain
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.core.plan.task import RetryPolicy
from chalicelib.core.run.commands import RetryTask, encode
from chalicelib.core.schedule.model import MINUTE_MS
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.control import heal
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.inbox import commands, follow_up, messages, sweep
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.schedules import due_times
from chalicelib.engine.schedules.due_times import backfill
from chalicelib.engine.world.world import Settings
from tests.bug import Bug, Constant, returns
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Theatre, plan_of, task
from tests.memory.timetable import PLAN, Timetable

MINUTE, HOUR, DAY = 60, 3_600, 86_400
ROUNDS_OF_LAMBDA = 16

SENDERS = {
    "control.cancel.request_cancel": "CancelRun, from attending to a schedule: what follows ends the run",
    "publishing.window.see_to_window": "a timer of at most 900 seconds, which opens no window",
    "advance.job_events._arrange_retry": "a timer of at most 900 seconds; of a refused submission it goes on round",
    "control.heal._set_timers": "timers, from the sweep alone",
    "control.heal._submit": "what is due, from HealRun or the sweep",
    "inbox.messages._waits_elsewhere": "a copy of a message that waits, in longer and longer pauses",
    "control.pause._switch": "HealRun, from the API alone",
    "schedules.placement._place": "ScheduleNext, from the API or the sweep alone",
    "control.redrive._go_on": "HealRun, from the API alone",
    "schedules.due_times.attend": "ScheduleNext, while more is to be started: goes on round",
    "schedules.due_times.backfill": "ScheduleNext, from the API alone",
    "schedules.due_times.resume_schedule": "ScheduleNext, from the API alone",
    "advance.settle.start": "chunks of ready tasks: their jobs' events come by another queue",
    "control.start._start_roots": "chunks of a run's roots",
    "advance.submit._record_refusal": "a refusal, which makes its children ready: goes on round",
    "publishing.deliver.tell_again": "HealRun of a run that has ended: goes on as copies",
    "publishing.outbox._tell_ended": "ScheduleNext, at a run's end: goes on round",
}
"""Every function of the engine that sends to a queue of ours. From a function that the queue feeds, each goes through
Onward or `Chain.copied`, which count. Whoever adds one says here what bounds it."""


def calls_of(path: Path) -> set[str]:
    """The functions of a module that send to a queue of ours."""
    found = set()
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                    "world.commands.send",
                    "world.commands.send_timers",
                    "mailbox.again.send",
                ):
                    found.add(f"{path.parent.name}.{path.stem}.{function.name}")
    return found


def test_every_sender_to_our_own_queues_is_listed_with_what_bounds_it():
    folder = Path(chalicelib.engine.__file__).parent
    assert {one for path in folder.rglob("*.py") for one in calls_of(path)} == set(SENDERS)


def retried_once(after_seconds: int, **settings: int) -> Theatre:
    one = task("a", attempts=2)
    one = type(one)(one.name, one.job, retry=RetryPolicy(2, after_seconds, 1, after_seconds, jitter=False))
    theatre = Theatre(plan_of((one, ())), fails=[("a", 1)], settings=Settings(**settings))
    theatre.start()
    theatre.tell()
    theatre.deliver_events()
    assert theatre.record("a").retry_at_ms == theatre.clock.now_ms() + after_seconds * 1000
    return theatre


@pytest.mark.parametrize("after_seconds", [1, 899, 900, 901, 1_100, 1_201, HOUR, 6 * HOUR, 3 * DAY + 7])
def test_a_wait_is_one_message_and_rings_at_its_time(after_seconds):
    theatre = retried_once(after_seconds)
    due_ms = theatre.record("a").retry_at_ms
    theatre.play_swept(for_seconds=after_seconds + HOUR)
    assert theatre.run.state is RunState.SUCCEEDED
    assert theatre.jobs("a")[1].created_at_ms == due_ms
    assert (theatre.commands.sent, theatre.commands.most_rounds) == (1, 0)


@pytest.mark.long
def test_a_wait_of_thirty_days_is_one_message():
    theatre = retried_once(30 * DAY)
    due_ms = theatre.record("a").retry_at_ms
    theatre.play_swept(for_seconds=31 * DAY)
    assert theatre.jobs("a")[1].created_at_ms == due_ms
    assert (theatre.commands.sent, theatre.commands.most_rounds) == (1, 0)


def test_a_stage_whose_sweep_looks_seldom_keeps_the_times():
    theatre = retried_once(6 * HOUR, sweep_seconds=86_400)
    due_ms = theatre.record("a").retry_at_ms
    theatre.play_swept(for_seconds=7 * HOUR)
    assert theatre.jobs("a")[1].created_at_ms == due_ms


def test_a_timer_that_was_lost_rings_at_the_next_sweep():
    theatre = retried_once(HOUR)
    due_ms = theatre.record("a").retry_at_ms
    theatre.play_swept(for_seconds=HOUR - MINUTE)
    assert theatre.commands.lose() == 1
    theatre.play_swept(for_seconds=HOUR)
    assert 0 <= theatre.jobs("a")[1].created_at_ms - due_ms <= 10 * MINUTE_MS


def test_a_timer_of_the_release_before_is_left_to_the_sweep():
    theatre = retried_once(6 * HOUR)
    record = theatre.record("a")
    theatre.commands.send([encode(RetryTask(record.attempt.run_id, 0, 0, 1, record.job_id, record.retry_at_ms))])
    theatre.deliver_commands()
    assert theatre.commands.bodies == []
    theatre.play_swept(for_seconds=7 * HOUR)
    assert theatre.jobs("a")[1].created_at_ms == record.retry_at_ms
    assert theatre.commands.most_rounds == 0


def test_a_timer_that_rings_early_waits_on_the_queue():
    theatre = retried_once(6 * HOUR)
    record = theatre.record("a")
    theatre.clock.advance_to(record.retry_at_ms - 800_000)
    theatre.commands.send([encode(RetryTask(record.attempt.run_id, 0, 0, 1, record.job_id, record.retry_at_ms))])
    with pytest.raises(MessagesLeft):
        theatre.deliver_commands()
    assert theatre.commands.next_visible_at_ms == record.retry_at_ms
    theatre.clock.advance(seconds=800)
    theatre.deliver_commands()
    assert len(theatre.jobs("a")) == 2


def test_a_wait_that_begins_in_a_paused_run_rings_after_the_resume():
    theatre = retried_once(6 * HOUR)
    theatre.pause()
    theatre.play_swept(for_seconds=7 * HOUR, busy=True)
    assert len(theatre.jobs("a")) == 1
    theatre.resume()
    theatre.play_swept(for_seconds=HOUR)
    assert len(theatre.jobs("a")) == 2
    assert theatre.commands.most_rounds <= 1


class Down:
    """A store that does not answer."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        def fail(*_, **__):
            raise TryAgain("the table does not answer")

        return fail if callable(getattr(self._store, name)) else getattr(self._store, name)


@pytest.mark.parametrize(("outage_seconds", "most"), [(20 * MINUTE, 4), (12 * HOUR, 8), (3 * DAY, HOPS_MAXIMUM)])
def test_an_outage_of_the_table_is_waited_out_in_few_rounds(outage_seconds, most):
    theatre = Theatre(plan_of((task("a"), ())))
    theatre.start()
    theatre.tell()
    theatre.commands.send([encode(RetryTask(theatre.run.run_id, 0, 0, 9, "none", 0))])
    store, theatre.store = theatre.store, Down(theatre.store)
    until_ms = theatre.clock.now_ms() + outage_seconds * 1000
    while theatre.clock.now_ms() < until_ms:
        for deliver in (theatre.deliver_events, theatre.deliver_commands):
            with contextlib.suppress(MessagesLeft):
                deliver()
        times = [queue.next_visible_at_ms for queue in (theatre.events, theatre.commands)]
        theatre.clock.advance_to(min([until_ms, *(at_ms for at_ms in times if at_ms is not None)]))
    theatre.store = store
    began_ms = theatre.clock.now_ms()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert max(theatre.events.most_rounds, theatre.commands.most_rounds) <= most
    assert theatre.dead.letters == []
    assert theatre.clock.now_ms() - began_ms <= max(5 * MINUTE, outage_seconds / 3) * 1000


def chain_of_refused(count: int) -> Theatre:
    tasks = [(task(f"t{n}", TriggerRule.ALL_DONE), [f"t{n - 1}"] if n else []) for n in range(count)]
    theatre = Theatre(plan_of(*tasks))
    theatre.batch.faults.extend([SubmitFault.REFUSED] * count)
    theatre.start()
    return theatre


def test_tasks_that_are_refused_one_after_the_other_leave_the_rest_to_the_sweep():
    theatre = chain_of_refused(60)
    theatre.play_swept(for_seconds=50 * MINUTE)
    assert theatre.run.state is RunState.FAILED
    assert len(theatre.endings()) == 60
    assert theatre.commands.most_rounds == HOPS_MAXIMUM < ROUNDS_OF_LAMBDA


def test_attempts_that_are_refused_one_after_the_other_leave_the_rest_to_the_sweep():
    theatre = Theatre(plan_of((task("a", attempts=20), ())))
    theatre.batch.faults.extend([SubmitFault.REFUSED] * 20)
    theatre.start()
    theatre.play_swept(for_seconds=2 * HOUR)
    assert theatre.run.state is RunState.FAILED
    assert not theatre.batch.faults
    assert theatre.commands.most_rounds == HOPS_MAXIMUM < ROUNDS_OF_LAMBDA


def test_a_long_backfill_of_runs_that_overlap_goes_round_few_times():
    timetable = Timetable(cron="* * * * ? *", overlap="allow")
    now_ms = timetable.clock.now_ms()
    backfill(timetable.world(), PLAN.workflow, "often", now_ms - 160 * MINUTE_MS, now_ms, dry_run=False)
    timetable.deliver_all()
    assert len(timetable.jobs("a")) == 160
    assert timetable.commands.most_rounds <= 2


def test_a_backfill_whose_starts_take_long_leaves_the_rest_to_the_sweep():
    timetable = Timetable(cron="* * * * ? *", overlap="allow")
    timetable.gate = lambda name, after_effect: timetable.clock.advance(ms=800 if name == "submit" else 0)
    now_ms = timetable.clock.now_ms()
    backfill(timetable.world(), PLAN.workflow, "often", now_ms - 150 * MINUTE_MS, now_ms, dry_run=False)
    timetable.deliver_all()
    assert len(timetable.jobs("a")) == 10 * (HOPS_MAXIMUM + 1)
    assert timetable.commands.most_rounds == HOPS_MAXIMUM
    timetable.sweep(after_seconds=5 * MINUTE)
    timetable.deliver_all()
    assert len(timetable.jobs("a")) >= 150, "what the sweep sends begins a new chain"
    assert timetable.commands.most_rounds == HOPS_MAXIMUM


def test_runs_of_a_backfill_that_end_at_once_leave_the_rest_to_the_sweep():
    timetable = Timetable(cron="* * * * ? *", overlap="queue")
    timetable.batch.faults.extend([SubmitFault.REFUSED] * 30)
    now_ms = timetable.clock.now_ms()
    backfill(timetable.world(), PLAN.workflow, "often", now_ms - 20 * MINUTE_MS, now_ms, dry_run=False)
    timetable.deliver_all()
    assert timetable.commands.most_rounds == HOPS_MAXIMUM
    began = len(timetable.runs())
    for _ in range(2):
        timetable.sweep(after_seconds=5 * MINUTE)
        timetable.deliver_all()
    assert len(timetable.runs()) > began
    assert timetable.commands.most_rounds == HOPS_MAXIMUM


def test_a_notice_that_cannot_be_published_for_days_is_told_in_the_end():
    theatre = Theatre(plan_of((task("a"), ())))
    theatre.start()
    theatre.notices.failing = True
    theatre.play_swept(for_seconds=2 * DAY)
    theatre.notices.failing = False
    theatre.play_swept(for_seconds=DAY)
    assert [one.rpartition("/")[2] for one in theatre.notices.ids] == ["succeeded"]
    assert max(theatre.events.most_rounds, theatre.commands.most_rounds) <= HOPS_MAXIMUM


def test_chunks_that_find_no_permits_go_round_few_times():
    theatre = Theatre(plan_of(*[(task(f"t{n}"), ()) for n in range(30)]))
    theatre.permits.take = lambda *_: None
    theatre.start()
    while theatre.commands.bodies:
        theatre.clock.advance_to(theatre.commands.next_visible_at_ms)
        with contextlib.suppress(MessagesLeft):
            theatre.deliver_commands()
    assert len(theatre.jobs()) == 30
    assert 1 <= theatre.commands.most_rounds <= HOPS_MAXIMUM - 2


def test_a_run_whose_claims_stay_open_is_cancelled_in_few_rounds():
    theatre = Theatre(plan_of(*[(task(f"t{n}"), ()) for n in range(3)]))
    theatre.batch.faults.extend([SubmitFault.LOST_BEFORE_EFFECT] * 3)
    theatre.start()
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.batch.find_fails = True
    theatre.play_swept(for_seconds=3 * HOUR)
    theatre.batch.find_fails = False
    theatre.play_swept(for_seconds=3 * HOUR)
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.commands.most_rounds <= HOPS_MAXIMUM


def test_the_delay_of_a_message_is_what_sqs_allows():
    assert QUEUE_DELAY_SECONDS_MAXIMUM == 15 * MINUTE
    assert Settings().look_seconds + 2 * 300 <= QUEUE_DELAY_SECONDS_MAXIMUM


def _at_its_last_receipt(right, world, mailbox, message, *rest):
    return right(world, mailbox, replace(message, receive_count=chain.COPIED_AT_RECEIPT), *rest)


def _as_if_it_had_not_waited(right, chain, receipt, after_seconds, waited_seconds, *, exact=False):
    return right(chain, receipt, after_seconds, 0, exact=exact)


PLANTED = {
    "a copy does not say that it is one": (
        lambda: test_an_outage_of_the_table_is_waited_out_in_few_rounds(8 * HOUR, 8),
        Bug(chain.Chain.copied, returns(chain.BEGINNING)),
    ),
    "a message that waits is copied at each receipt": (
        lambda: test_an_outage_of_the_table_is_waited_out_in_few_rounds(20 * MINUTE, 4),
        Bug(messages._waits_elsewhere, _at_its_last_receipt),
    ),
    "a message waits no longer than before": (
        lambda: test_an_outage_of_the_table_is_waited_out_in_few_rounds(12 * HOUR, 8),
        Bug(chain.wait_seconds, _as_if_it_had_not_waited),
    ),
    "work that follows from a command begins a chain": (
        test_tasks_that_are_refused_one_after_the_other_leave_the_rest_to_the_sweep,
        Bug(follow_up.following, lambda right, world, chain: world),
    ),
    "a refusal that nobody told of is found after fifteen minutes": (
        test_tasks_that_are_refused_one_after_the_other_leave_the_rest_to_the_sweep,
        Bug(heal._was_refused_before, returns(False)),
    ),
    "the overlapping runs of a backfill are started by ten": (
        test_a_long_backfill_of_runs_that_overlap_goes_round_few_times,
        Constant(due_times, "_LOOKS", 1),
    ),
    "a timer of the release before is sent on": (
        test_a_timer_of_the_release_before_is_left_to_the_sweep,
        Bug(chain.fits_a_message, returns(True), used_by=commands),
    ),
    "the next look at a run is as far away as the stage says": (
        test_a_stage_whose_sweep_looks_seldom_keeps_the_times,
        Bug(sweep._next_ms, lambda right, world: world.clock.now_ms() + world.settings.sweep_seconds * 1000),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_chain_that_is_not_bounded_is_seen(name, monkeypatch):
    scene, bug = PLANTED[name]
    scene()
    bug.put_in(monkeypatch)
    with pytest.raises((AssertionError, IndexError, MessagesLeft)):
        scene()
