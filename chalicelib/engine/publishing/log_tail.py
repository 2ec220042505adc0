"""What is looked up of failed jobs for a notice that names them, within a bounded time: what they wrote last, and of an
array what its jobs failed of.

Whatever keeps a log from being read, or Batch from answering, the notice goes out without. Owns how many jobs are
looked up, how much of a line is told, and which child stands for those that failed. How long is waited is
world/log_pause.py's.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chalicelib.core.batch.job_event import read_result
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.model import ToldChild, ToldJob
from chalicelib.engine.world.world import World

log = logging.getLogger(__name__)

WITH_LOG_LINES = 3
"""How many of the jobs that a notice names come with what they wrote last."""
LINE_CHARACTERS = 1_000
"""How much of a line a notice carries; what a subscriber has no room for, core/notice/publication.py takes out."""
CHILDREN_ASKED = 25
"""So many failed jobs of an array are looked at, in one call of ListJobs and one of DescribeJobs."""
_NO_CHILD_TO_BLAME = frozenset({FailureClass.CANCELLED, FailureClass.REFUSED})

_Answer = TypeVar("_Answer")


class LastLines:
    """Reads for one notice: the last `count` lines of each of the first few jobs that are asked about, and the
    commonest failure in the first array among them."""

    def __init__(self, world: World, count: int) -> None:
        self._world = world
        self._count = count
        self._left = WITH_LOG_LINES
        self._arrays_left = 1
        self._read_ms = 0

    def looked_up(self, job: ToldJob, labels: Sequence[str] = ()) -> ToldJob:
        """The next job that the notice names, with its last lines; an array with a child that failed, and its lines.
        `labels` name the children of the array."""
        child = self._child(job)
        if child is not None and child.index < len(labels):
            child = replace(child, label=labels[child.index])
        return replace(job, child=child, log_lines=self.of(child.log_stream if child else job.log_stream))

    def of(self, stream: str | None) -> tuple[str, ...]:
        """The lines of the next job, whose log stream that is; none if it has none, or if they cannot be read."""
        self._left -= 1
        logs = self._world.logs
        if logs is None or stream is None or self._count < 1 or self._left < 0:
            return ()
        written = self._asked(f"the lines of {stream}", lambda: logs.tail(stream, self._count).lines)
        return tuple(line.text[:LINE_CHARACTERS] for line in (written or ())[-self._count :])

    def _child(self, job: ToldJob) -> ToldChild | None:
        children, job_id = self._world.children, job.job_id
        if children is None or job_id is None or job.array_size is None or job.failure in _NO_CHILD_TO_BLAME:
            return None
        if self._arrays_left < 1:
            return None
        self._arrays_left -= 1
        return self._asked(
            f"what the children of {job_id} failed of",
            lambda: commonest(children.failed_children(job_id, CHILDREN_ASKED)),
        )

    def _asked(self, what: str, ask: Callable[[], _Answer]) -> _Answer | None:
        world = self._world
        began_ms = world.clock.now_ms()
        if not world.log_pause.is_over(began_ms):
            log.warning("a notice goes without %s: answers were slow a moment ago", what)
            return None
        try:
            return ask()
        except Exception as failure:
            log.warning("a notice goes without %s: %s", what, failure)
            return None
        finally:
            now_ms = world.clock.now_ms()
            self._read_ms += now_ms - began_ms
            world.log_pause.note(self._read_ms, now_ms)


def commonest(details: Sequence[Mapping[str, Any]]) -> ToldChild | None:
    """Of the failed jobs of an array, in DescribeJobs' shape, the first of those that failed the commonest way; None of
    none."""
    results = {int(detail["arrayProperties"]["index"]): read_result(detail) for detail in details}
    # An operator's end, or ours, of the others says nothing of what was wrong.
    by_themselves = {at: one for at, one in results.items() if one.failure not in _NO_CHILD_TO_BLAME} or results
    ways = {at: (one.failure, one.exit_code, one.reason) for at, one in sorted(by_themselves.items())}
    if not ways:
        return None
    way, alike = Counter(ways.values()).most_common(1)[0]
    index = next(at for at, one in ways.items() if one == way)
    failed = results[index]
    return ToldChild(
        index=index,
        failure=failed.failure,
        exit_code=failed.exit_code,
        reason=failed.reason,
        log_stream=failed.log_stream,
        alike=alike,
    )
