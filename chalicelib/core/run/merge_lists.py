"""Lists of runs, newest first: part of one, and several as one.

Owns the order. Runs of one millisecond, which an index gives in an order of its own, stand by their ids; so a place in
a list stays where it is, whoever lists.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from chalicelib.core.run.records import ListedRuns, Run, RunPlace, place_of_run
from chalicelib.core.states import RunState

Fetch = Callable[[RunPlace | None], ListedRuns]
"""Asks for more of a list, behind a place; from the beginning without one."""


def first_runs(
    runs: Iterable[Run], limit: int, state: RunState | None, after: RunPlace | None, look_at: int
) -> ListedRuns:
    """Of runs that descend by time: the first `limit` in that state behind a place. Looks at `look_at` of them, and at
    the rest of the last one's millisecond."""
    found: list[Run] = []
    looked_at = 0
    last: Run | None = None
    for run in _ordered(runs):
        if last is not None and (len(found) == limit or looked_at >= look_at):
            return ListedRuns(tuple(found), place_of_run(last))
        if after is not None and place_of_run(run).order >= after.order:
            continue
        looked_at += 1
        last = run
        if state is None or run.state is state:
            found.append(run)
    return ListedRuns(tuple(found), None)


def _ordered(runs: Iterable[Run]) -> Iterator[Run]:
    for _, group in groupby(runs, key=lambda run: run.created_at_ms):
        yield from sorted(group, key=lambda run: run.run_id, reverse=True)


class _Stream:
    """One of several lists: what is left of what was fetched, and where it goes on."""

    def __init__(self, fetch: Fetch, after: RunPlace | None) -> None:
        self._fetch = fetch
        self.after = after
        self.fetch()

    def fetch(self) -> None:
        listed = self._fetch(self.after)
        self.runs, self.after = deque(listed.runs), listed.after

    @property
    def is_over(self) -> bool:
        return not self.runs and self.after is None

    @property
    def head(self) -> RunPlace:
        """The first place that may be its next run's, or before it."""
        if self.runs:
            return place_of_run(self.runs[0])
        assert self.after is not None, "a list that is over is not asked any more"
        return self.after

    def __lt__(self, other: _Stream) -> bool:
        """A heap has its least in front, and the newest run is to come first."""
        return self.head.order > other.head.order


def merged(lists: Iterable[Fetch], limit: int, after: RunPlace | None, fetches: int) -> ListedRuns:
    """Several lists as one. Asks each of them once, and then at most `fetches` times more where one is used up."""
    streams = [stream for fetch in lists if not (stream := _Stream(fetch, after)).is_over]
    heapq.heapify(streams)
    found: list[Run] = []
    while streams:
        stream = streams[0]
        if len(found) == limit:
            return ListedRuns(tuple(found), place_of_run(found[-1]))
        if stream.runs:
            found.append(stream.runs.popleft())
        elif fetches:
            fetches -= 1
            stream.fetch()
        else:
            return ListedRuns(tuple(found), stream.after)
        if stream.is_over:
            heapq.heappop(streams)
        else:
            heapq.heapreplace(streams, stream)
    return ListedRuns(tuple(found), None)
