"""The governor: all invocations together submit no more jobs a second than they may, and nearly as many.

Owns the pace: when each submission's turn is. An account has 50 SubmitJob calls a second, whoever makes them
(https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html).

Permits are slots of one line of time that all invocations share (Permits), 48 a second. An invocation takes five slots
at once, which is one write, but needs longer than a slot for a job. So it uses them seven slots apart, where others do
the same: five being prime to seven, the jobs of groups that follow each other fall into every slot once,

    slot   0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
    group  a              b     a        c     b     a  d     c     b  e  a  d     c  f  b  e  a  ...

and however groups of five lie, two of them begin five slots apart or more, so that a second has hardly more than 50.
At a lower rate the slots are longer, and fewer of them between two jobs take as much time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from chalicelib.core.errors import Throttled
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.core.telemetry.metrics import Figure
from chalicelib.engine.world.world import NotYet, World

FEW = 5
"""Up to so many jobs are submitted unasked while nothing tells of a crowd: what follows from one event on most days,
which must not cost a write more for it. Batch's 429 is what tells."""
PERMITS_AT_ONCE = 5
"""A chunk takes its permits in small groups, each when the one before is used up, so that little is wasted when it dies
or Batch fails. A job's share of the write is a fifth of a unit."""
STRIDE_MAXIMUM = 7
"""Slots from one job of a group to the next at 48 a second and more: 0.146 s at 48, about what claim, look, SubmitJob
and record take. Who needs less waits; who needs more comes late, and a second may then have some jobs more. Seven
invocations at once reach the full rate."""
JOB_US = 140_000
"""About that time, for lower rates: there a stride has only as many slots as it takes, so that fewer invocations reach
the full rate, down to one at 7 a second."""
HORIZON_SECONDS = 3
"""The longest wait for a turn. An invocation of on_events may have ten runs in its batch and waits once for each: this
leaves half of the Lambda's time for the work."""
_CROWD_MS = 200
"""A wait of so long is no accident: two groups of others at least are before us."""
_UNASKED_MS = 0
"""The time of a turn without a permit: it is past."""


def turns(world: World, count: int) -> Iterator[NotYet | None]:
    """One element for each of `count` things to submit: None when its turn has come, after waiting for it. `NotYet`,
    and then no more, when the permits are short, or used up after Batch had said that we are too many.

    What turned out to have its job already spends no permit: the next one has it.
    """
    lately, clock = world.lately, world.clock
    refusals = lately.refusals
    free = 0
    if not lately.must_ask(clock.now_ms()):
        # The first job of a chunk goes at once, and its permit is taken with those of the next ones.
        free = count if count <= FEW else 1
    owed = free if count > FEW else 0
    permits_ms = deque([_UNASKED_MS] * free)
    for place in range(count):
        if not permits_ms:
            if lately.refusals > refusals:
                yield NotYet(world.settings.soon_seconds, "Batch throttles")
                return
            admitted = admit(world, min(PERMITS_AT_ONCE, count - place), owed=owed)
            if isinstance(admitted, NotYet):
                yield admitted
                return
            permits_ms.extend(admitted)
            owed = 0
        if permits_ms[0] == _UNASKED_MS and not owed:
            lately.note_unasked(clock.now_ms())
        wait_ms = permits_ms[0] - clock.now_ms()
        if wait_ms > 0:
            world.figures.time(Figure.GOVERNOR_WAIT_SECONDS, wait_ms)
            clock.wait_until(permits_ms[0])
        before = lately.submissions
        yield None
        if lately.submissions > before:
            permits_ms.popleft()


def admit(world: World, count: int, *, owed: int = 0) -> list[int] | NotYet:
    """The times, in milliseconds, from which each of `count` jobs may be submitted; `NotYet` when the first would have
    to wait for too long. `owed` jobs went before their permits, which are taken now."""
    slot_us = -(-1_000_000 // world.settings.submit_rate)
    now_ms = world.clock.now_ms()
    now_us = now_ms * 1000
    begin_us = world.permits.take(now_us, (owed + count) * slot_us, now_us + HORIZON_SECONDS * 1_000_000)
    if begin_us is None:
        world.lately.note_crowd(now_ms)
        world.figures.count(Figure.PERMITS_SHORT)
        return NotYet(HORIZON_SECONDS, f"the permits of the next {HORIZON_SECONDS} seconds are taken")
    if begin_us - now_us >= _CROWD_MS * 1000:
        world.lately.note_crowd(now_ms)
    first_us, stride_us = begin_us + owed * slot_us, stride(slot_us) * slot_us
    return [-(-(first_us + place * stride_us) // 1000) for place in range(count)]


def stride(slot_us: int) -> int:
    """Slots from one job of a group to the next. Prime to the size of a group, so that no two groups share a slot."""
    slots = min(STRIDE_MAXIMUM, -(-JOB_US // slot_us))
    return slots + 1 if slots % PERMITS_AT_ONCE == 0 else slots


def submit_job(world: World, request: JobRequest) -> str:
    """Submit a job whose turn it is, and remember how that went. As the port's `submit`."""
    world.lately.submissions += 1
    try:
        return world.batch.submit(request)
    except Throttled:
        world.lately.refusals += 1
        world.lately.note_crowd(world.clock.now_ms())
        raise
