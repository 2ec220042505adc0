"""The rule `nothing_ran`: report when none of the jobs succeeded by a time of day.

A deadline waits while events are in the events queue, because one of them may be the success that it misses. It goes by
how many there are. An age would say more, but nobody knows it:

- SQS does not report it. CloudWatch's ApproximateAgeOfOldestMessage leaves out a message that was received three times
  and not deleted. Events that sit out an outage are such messages.
  https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
- A handler knows how late its event is. If no handler runs, that says nothing, and noting it costs a write an event.

A busy queue is never empty, so the wait has an end. After it the notice says that it may be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from chalicelib.core.documents import Described
from chalicelib.core.mistakes import Mistake
from chalicelib.core.monitor.counts import Bucket
from chalicelib.core.monitor.notices import PREFIX, monitor_notice
from chalicelib.core.monitor.watch import Watch
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.rules import Broken, Keeps
from chalicelib.core.schedule.cron import CronMistake, parse_cron
from chalicelib.core.schedule.model import iso_time, moment_ms, time_zone_rule, zone, zoned
from chalicelib.core.suggest import shown

SETTLED_MS = 120_000
"""How long after a time of day a monitor says that nothing ran by it: events of before may still be under way."""
BACKLOG_MS = 900_000
"""Maximum time that a deadline waits while events are in the queue, from the first look that found some. An event that
was tried in vain is tried again after a quarter of the time that it has waited, or after a minute, so this is enough
for an outage of an hour."""
_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CLOCK_TIME_PATTERN = "([01][0-9]|2[0-3]):[0-5][05]"


def clock_time_rule(value: str) -> Broken | None:
    if not _CLOCK_TIME.fullmatch(value):
        return Broken(f"must be a time of day, 00:00 to 23:55, not {shown(value)}", "write '06:00'")
    if int(value[3:]) % 5:
        return Broken(
            f"must be a multiple of five minutes, not {shown(value)}",
            f"write '{value[:3]}{int(value[3:]) // 5 * 5:02}'",
        )
    return None


def days_rule(value: str) -> Broken | None:
    broken = Broken(f"must be days of the week, not {shown(value)}", "write MON-FRI, 'MON,THU', 2#1 or '*'")
    if not re.fullmatch(r"[A-Za-z0-9,#*/-]{1,40}", value):
        return broken
    try:
        parse_cron(f"0 6 ? * {value} *")
    except CronMistake:
        return broken
    return None


@dataclass(frozen=True, slots=True)
class NothingRan:
    """When none of the jobs has succeeded by a time of day."""

    SAYS: ClassVar = "Report when none of the jobs succeeded by a time of day."

    by: Annotated[
        str,
        Described("Time of day, such as '06:00', a multiple of five minutes."),
        Keeps(clock_time_rule, _CLOCK_TIME_PATTERN),
    ]
    after: Annotated[
        str,
        Described(
            "What ended before this time of day does not count. It is on the day before if it is not before `by`."
        ),
        Keeps(clock_time_rule, _CLOCK_TIME_PATTERN),
    ] = "00:00"
    time_zone: Annotated[str, Described("IANA time zone of both times."), Keeps(time_zone_rule)] = "UTC"
    days: Annotated[
        str, Described("Days of `by`, as day-of-week in cron: MON-FRI, 'MON,THU', 2#1."), Keeps(days_rule)
    ] = "*"

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> NothingRan:
        return cls(**given)

    @staticmethod
    def mistakes(given: Mapping[str, Any]) -> Iterator[Mistake]:
        """What is wrong with values together."""
        yield from ()

    def phrases(self) -> list[str]:
        """What it speaks of."""
        days = "" if self.days == "*" else f", {self.days}"
        after = self.after if self.after < self.by else f"{self.after} of the day before"
        return [f"nothing succeeded from {after} to {self.by} ({self.time_zone}{days})"]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time of day by which something had to have run: the `date` in the time zone, the moment, and the one from which
    on it counts."""

    date: str
    at_ms: int
    from_ms: int


def last_deadline(rule: NothingRan, now_ms: int) -> Deadline | None:
    """The last deadline that is not after a moment.

    Clocks going forward may leave a time of day out; then it is as long after midnight as on other days, which those
    clocks show an hour later. A time that a day has twice counts the first time.
    """
    where = zone(rule.time_zone)
    hour, minute = rule.by.split(":")
    local = zoned(now_ms, where).replace(tzinfo=None)
    # A deadline's moment may lie behind what its local time suggests, never by more than a few hours.
    for by in parse_cron(f"{int(minute)} {int(hour)} ? * {rule.days} *").times_until(local + timedelta(hours=3)):
        at_ms = moment_ms(by, where)
        if at_ms <= now_ms:
            first = datetime.combine(by.date(), datetime.strptime(rule.after, "%H:%M").time())
            if first >= by:
                first -= timedelta(days=1)
            from_ms = moment_ms(first, where)
            if from_ms >= at_ms:
                # The clocks left `after` out, but not `by`: then it is as long before `by` as on other days.
                from_ms = at_ms - (by - first) // timedelta(milliseconds=1)
            return Deadline(by.date().isoformat(), at_ms, from_ms)
    return None


@dataclass(frozen=True, slots=True)
class SomethingRan:
    """A job succeeded in time, so there is nothing to say."""


@dataclass(frozen=True, slots=True)
class AwaitEvents:
    """No success is known, but events in the queue may tell of one. They are awaited since `since_ms`."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class NothingSucceeded:
    """No success is known, and that is to be said: `failed` jobs failed. `events_left` are still in the queue after the
    longest wait."""

    failed: int
    events_left: int


def judge_deadline(
    deadline: Deadline, buckets: Iterable[Bucket], events_queued: int, awaited_since_ms: int, now_ms: int
) -> SomethingRan | AwaitEvents | NothingSucceeded:
    """What is to be done about a deadline that is past.

    `events_queued` is the number of messages in the events queue, read before the buckets. An event is counted before
    it leaves the queue, so a success is in one of the two. `awaited_since_ms` is the time of an earlier look that found
    events in the queue. It says nothing of this deadline if it is before it.
    """
    succeeded, failed = ended_in_time(buckets, deadline)
    if succeeded:
        return SomethingRan()
    if events_queued:
        since_ms = awaited_since_ms if awaited_since_ms >= deadline.at_ms else now_ms
        if now_ms - since_ms < BACKLOG_MS:
            return AwaitEvents(since_ms)
    return NothingSucceeded(failed, events_queued)


def ended_in_time(buckets: Iterable[Bucket], deadline: Deadline) -> tuple[int, int]:
    """How many jobs succeeded, and how many failed, in the time that counts for a deadline."""
    within = [one for one in buckets if deadline.from_ms <= one.start_ms < deadline.at_ms]
    return sum(one.succeeded for one in within), sum(one.failed for one in within)


def nothing_ran_notice(
    watch: Watch, stage: str, rule: NothingRan, deadline: Deadline, found: NothingSucceeded, at_ms: int
) -> Notice:
    """That no job had succeeded by a time of day. Events that are left in the queue may say otherwise."""
    failed = found.failed
    between = f"from {_by_clock(deadline.from_ms, rule.time_zone)} to {_by_clock(deadline.at_ms, rule.time_zone)}"
    return monitor_notice(
        watch,
        NoticeKind.NOTHING_RAN,
        stage,
        f"{PREFIX}{watch.name}/{NoticeKind.NOTHING_RAN}/{deadline.date}",
        subject=nothing_succeeded(rule, deadline, failed),
        sentences=[
            f"Of the jobs that it watches none has succeeded {between} ({rule.time_zone}), and "
            f"{'none has' if not failed else 'one has' if failed == 1 else f'{failed:,} have'} failed."
            + (f" This may be wrong: about {found.events_left:,} events wait to be handled." * bool(found.events_left))
        ],
        at_ms=at_ms,
        day=deadline.date,
        began_at_ms=deadline.from_ms,
        job_count=failed,
    )


def nothing_succeeded(rule: NothingRan, deadline: Deadline, failed: int) -> str:
    """What is said of a time of day by which no job had succeeded. Whether one runs is not known, and not said."""
    by = f"nothing succeeded by {rule.by} on {deadline.date}"
    return by + (f", and {'a job' if failed == 1 else f'{failed:,} jobs'} failed" if failed else "")


def _by_clock(at_ms: int, time_zone: str) -> str:
    """A moment as a clock of the zone shows it, which the sentence names: `2026-11-21 06:00`."""
    return iso_time(at_ms, time_zone)[:16].replace("T", " ")
