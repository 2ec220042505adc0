"""Bugs put into what is published of runs, each of which some seed must catch. Those of leases are in
lease_mutations.py, those of monitors in monitor_mutations.py."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.notice.window import run_scope
from chalicelib.engine.advance import job_events
from chalicelib.engine.control import start
from chalicelib.engine.inbox import sweep
from chalicelib.engine.publishing import bus, deliver, failures, outbox, overdue, window
from chalicelib.engine.publishing.outbox import _Telling
from tests.bug import Bug, Postponed, PostponedCalls, left_out, returns, with_ports
from tests.simulation.mutation import Mutation
from tests.simulation.scope import Scope
from tests.simulation.telling import NAME as TELLING


class _Renaming:
    """The notices port, under which every notice gets this id."""

    def __init__(self, notices, notice_id):
        self._notices = notices
        self._notice_id = notice_id

    def publish(self, notice):
        self._notices.publish(replace(notice, notice_id=self._notice_id, at_ms=0))

    def send(self, notice, queue):
        self._notices.send(replace(notice, notice_id=self._notice_id, at_ms=0), queue)


def _name_by_window(right, world, command):
    notice_id = f"{command.scope}/task_failed/{command.number}"
    return right(with_ports(world, notices=_Renaming(world.notices, notice_id)), command)


def _note_before_telling(right, world, command, count, tell):
    def noted_first(closed, members):
        world.store.settle_window(command.scope, command.number, members, world.owner)
        tell(closed, members)

    return right(world, command, count, noted_first)


def _leave_to_the_command(right, world, run, *given, **reads):
    found = world.store.window(run_scope(run.run_id, run.epoch))
    if not (found and found.is_open and not window.is_overdue(found, world.clock.now_ms())):
        right(world, run, *given, **reads)


def _raise_what_is_given_up(is_raised):
    def wrong(right, world, place, what, telling):
        given_up = []

        def watched():
            try:
                telling()
            except Exception as raised:
                given_up.append(raised)
                raise

        right(world, place, what, watched)
        for raised in given_up:
            if is_raised(raised):
                raise raised

    return wrong


def _all_counts_as_told(right, telling, run, items):
    right(telling, run, items)
    return sorted(one.item for one in items)


def _none_counts_as_told(right, telling, run, items):
    told = right(telling, run, items)
    return told if len(told) == len(items) else []


PUBLISHING_MUTATIONS = {
    "a digest is named by its window, and not by what it tells": Mutation(
        Bug(failures.tell_task_failures, _name_by_window),
        seeds=(1679,),
    ),
    "a window is opened before its command is sent": Mutation(
        PostponedCalls("commands", "send", until=window.see_to_window),
        seeds=(2805,),
        scope=Scope(shares={TELLING: 1.0, "death_after": 1.0}),
    ),
    "a digest is noted as told before it is": Mutation(
        Bug(window.tell_digest, _note_before_telling),
        seeds=(5650,),
    ),
    "the sweep does not make up for a digest that nobody told": Mutation(
        Bug(failures.note_untold, left_out, used_by=sweep),
        seeds=(5842,),
    ),
    "a window that is open when the sweep looks at its ended run is left to its command": Mutation(
        Bug(failures.note_untold, _leave_to_the_command),
        seeds=(5842,),
    ),
    "a failure is committed before it is seen to that it is told": Mutation(
        Postponed(failures.note_failures, until=job_events._end),
        seeds=(11668,),
    ),
    "what a redrive keeps is told as if it had failed again": Mutation(
        Bug(
            failures.to_be_told,
            lambda right, facts, shard, tally: right(facts, shard, replace(tally, kept_failed=0)),
        ),
        seeds=(72382,),
    ),
    "a task's ending is told after it was committed": Mutation(
        Postponed(job_events._tell_ended, until=job_events._end),
        seeds=(115,),
    ),
    "nobody notes that a start is to be told": Mutation(
        Bug(outbox.start_to_tell, returns(frozenset()), used_by=start),
        seeds=(14,),
    ),
    "a queue that is gone keeps its run from ending": Mutation(
        Bug(deliver._try, _raise_what_is_given_up(lambda raised: isinstance(raised, UserMistake))),
        seeds=(88,),
    ),
    "a topic that refuses for good takes messages to the dead letters": Mutation(
        Bug(deliver._try, _raise_what_is_given_up(lambda raised: not isinstance(raised, (TryAgain, UserMistake)))),
        seeds=(14,),
    ),
    "what was not told counts as told": Mutation(
        Bug(_Telling.tell, _all_counts_as_told),
        seeds=(93,),
    ),
    "a place that fails makes the others hear again": Mutation(
        Bug(_Telling.tell, _none_counts_as_told),
        seeds=(1635,),
    ),
    "a digest that one place missed is not remembered": Mutation(
        Bug(deliver.remember, left_out, used_by=failures),
        seeds=(236,),
        scope=Scope(shares={TELLING: 1.0, "deaf": 1.0}),
    ),
    "what the event bus missed of tasks is not remembered": Mutation(
        Bug(deliver.remember, left_out, used_by=bus),
        seeds=(349,),
    ),
    "what the event bus missed of tasks is read off committed records alone": Mutation(
        Bug(
            bus._changes,
            lambda right, world, facts, record, ending: right(
                world, facts, record, record.state if record.state.ended else None
            ),
        ),
        seeds=(82,),
        scope=Scope(shares={TELLING: 1.0, "deaf": 1.0, "event_twice": 1.0, "redelivery": 1.0, "slow_call": 1.0}),
    ),
    "an allowed failure is told as one that is not": Mutation(
        Bug(failures.to_be_told, lambda right, facts, shard, tally: tally.failed & ~tally.kept_failed),
        seeds=(230,),
    ),
    "a run that is late is not told": Mutation(
        Bug(sweep._late_to_tell, returns(frozenset())),
        seeds=(181,),
    ),
    "jobs that wait or run for long are not told": Mutation(
        Bug(deliver.deliver, returns([]), used_by=overdue),
        seeds=(558,),
    ),
}
