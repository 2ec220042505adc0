"""The API in process: why a run failed, and where its time went.

The findings are the core's (core/run/causes.py, core/run/timeline.py). This module reads the run and answers page by
page.
"""

from __future__ import annotations

from itertools import islice

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part, check_limit
from chalicelib.api.inprocess.run_view import RunLook
from chalicelib.api.to_models import run_model
from chalicelib.core.cursors import COUNT, list_of, page_of, place_in
from chalicelib.core.run.causes import FailureGroup, failures_of
from chalicelib.core.run.task_view import result_of
from chalicelib.core.run.timeline import Bar, Timeline, timeline_of

BARS_A_PAGE = 10_000
SPANS_A_PAGE = 20_000
"""A page ends when its bars have so many spans: a span has about 80 bytes, and a Lambda answers with 6 MB."""
GROUPS_SHOWN = 50
NAMES_SHOWN = 5
_PLACE = {"after": list_of(COUNT, 2), "epoch": COUNT}


class DirectDiagnosis(Part):
    """What the protocol says of a run's time and of its failures."""

    def timeline(
        self, run_id: str, *, epoch: int | None = None, limit: int = 1000, page: str | None = None
    ) -> m.Timeline:
        check_limit(limit, BARS_A_PAGE)
        of_list, after = ("timeline", run_id), (-1, -1)
        if page is not None:
            place = place_in(of_list, page, _PLACE)
            # The epoch in which the list began, also when the run was redriven since.
            after, epoch = tuple(place["after"]), place["epoch"]
        look = RunLook(self._ground.store, self._ground.run(run_id, epoch))
        line = timeline_of(run_model(look.run), look.all_tasks(), self._ground.world.clock.now_ms())
        left = [bar for bar in line.bars if (bar.begin_ms, bar.place) > after]
        told = left[: _bars_in_a_page(left, limit)]
        following = None
        if len(told) < len(left):
            last = told[-1]
            following = page_of(of_list, {"after": [last.begin_ms, last.place], "epoch": look.run.epoch})
        chain = set(line.chain)
        return m.Timeline(
            items=[_bar_model(line, bar, bar.place in chain) for bar in told],
            next=following,
            epoch=look.run.epoch,
            begin_ms=line.begin_ms,
            end_ms=line.end_ms,
            is_over=line.is_over,
            chain_ms=line.chain_ms,
            unsure=line.unsure,
            ran_ms=sum(bar.ran_ms for bar in line.bars),
            waited_ms=sum(bar.waited_ms for bar in line.bars),
        )

    def failures(self, run_id: str, epoch: int | None = None) -> m.Failures:
        look = RunLook(self._ground.store, self._ground.run(run_id, epoch))
        tasks = look.all_tasks()
        found = failures_of(tasks)
        taken_along = islice(found.taken_along.items(), GROUPS_SHOWN)
        return m.Failures(
            epoch=look.run.epoch,
            first=None if found.first is None else _first_model(tasks[found.first]),
            failed=sum(len(group.places) for group in found.groups),
            groups=[_group_model(tasks, group) for group in found.groups[:GROUPS_SHOWN]],
            taken_along=[m.TakenAlong(cause=tasks[place].name, count=count) for place, count in taken_along],
        )


def _bars_in_a_page(bars: list[Bar], limit: int) -> int:
    """How many of these bars one page has: at least one."""
    spans = 0
    for number, bar in enumerate(bars[:limit]):
        spans += len(bar.spans)
        if spans > SPANS_A_PAGE and number:
            return number
    return limit


def _bar_model(line: Timeline[m.Task], bar: Bar, on_longest_chain: bool) -> m.Bar:
    task = line.tasks[bar.place]
    return m.Bar(
        task=task.name,
        index=task.index,
        state=task.state,
        spans=[m.Span(stretch=one.stretch, begin_ms=one.begin_ms, end_ms=one.end_ms) for one in bar.spans],
        on_longest_chain=on_longest_chain,
    )


def _first_model(task: m.Task) -> m.FirstFailure:
    result = result_of(task)
    known = {} if result is None else result.model_dump(include={"stopped_at_ms", "failure", "exit_code", "reason"})
    return m.FirstFailure(task=task.name, attempt=task.attempt, **known)


def _group_model(tasks: list[m.Task], group: FailureGroup) -> m.FailureGroup:
    names = [tasks[place].name for place in group.places[:NAMES_SHOWN]]
    return m.FailureGroup(**group.key._asdict(), count=len(group.places), tasks=names)
