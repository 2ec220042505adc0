"""Who is told what of a run: which kinds of notices, after how long, and to which queue of its own.

Owns what `notify:` in a workflow means, and what holds when it does not say. It is resolved once, when a run starts,
into the run's record, so that a later push or deployment changes nothing for a run that goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind, Source, kinds_of
from chalicelib.core.notice.outbox import Place
from chalicelib.core.rules import Broken
from chalicelib.core.suggest import Names, shown

KINDS = kinds_of(Source.RUN)
"""The kinds of notices that a run publishes."""
DEFAULT_KINDS = tuple(kind for kind in KINDS if KIND_ROWS[kind].by_default)
"""Those of a stage that says nothing else."""
DURATIONS = {kind: row.duration_key for kind, row in KIND_ROWS.items() if row.duration_key is not None}
"""The kinds that need to know after how long, and the key of `notify` that says so."""

QUEUE_PREFIX = "batchwright-notices-"
"""What the name of a run's own queue begins with; the functions may send to such queues alone."""
QUEUE_PATTERN = f"{QUEUE_PREFIX}[A-Za-z0-9_-]{{1,{80 - len(QUEUE_PREFIX)}}}"
LOG_LINES = 10


@dataclass(frozen=True, slots=True)
class Notify:
    """What is told of one run. A kind of DURATIONS is told only where `after_seconds` has one. `log_lines` is how many
    of the last lines of a failed job its notice carries; `queue` the name of the run's own SQS queue."""

    kinds: tuple[NoticeKind, ...] = DEFAULT_KINDS
    after_seconds: Mapping[NoticeKind, int] = field(default_factory=dict)
    log_lines: int = LOG_LINES
    queue: str | None = None

    def to_topic(self, kind: NoticeKind) -> bool:
        """Whether the stage's topic is told of it."""
        return kind in self.kinds

    def to_queue(self, kind: NoticeKind) -> bool:
        """Whether the run's own queue is."""
        return self.queue is not None and (kind in self.kinds or KIND_ROWS[kind].always_to_queue)

    def to_anybody(self, kind: NoticeKind) -> bool:
        return self.to_topic(kind) or self.to_queue(kind)

    def places(self, kind: NoticeKind) -> tuple[Place, ...]:
        """Who is told of it, each by itself; a queue first, for what reads it drops a repeat."""
        wanted = ((Place.QUEUE, self.to_queue(kind)), (Place.TOPIC, self.to_topic(kind)))
        return tuple(place for place, wants in wanted if wants)

    def after_ms(self, kind: NoticeKind) -> int | None:
        """After how long a kind of DURATIONS is told; None when it is not."""
        seconds = self.after_seconds.get(kind)
        return None if seconds is None or not self.to_anybody(kind) else seconds * 1000


BY_DEFAULT = Notify()
"""What holds for a run whose record does not say."""


def resolve(section: object, stage_kinds: Iterable[NoticeKind], queue: str | None = None) -> Notify:
    """What holds for a run whose workflow has that `notify` section, None for none. `queue` is one that whoever started
    the run named. A duration that is given is wanted, though the stage's kinds do not name it."""
    said: Mapping[str, Any] = section if isinstance(section, Mapping) else {}
    durations = {kind: said[name] for kind, name in DURATIONS.items() if said.get(name) is not None}
    if said.get("on") is not None:
        wanted = {NoticeKind(kind) for kind in said["on"]}
    else:
        wanted = {*stage_kinds, *durations}
    log_lines = said.get("log_lines")
    return Notify(
        kinds=tuple(kind for kind in KINDS if kind in wanted),
        log_lines=LOG_LINES if log_lines is None else log_lines,
        queue=queue or said.get("queue"),
        after_seconds=durations,
    )


def read_kinds(text: str) -> tuple[NoticeKind, ...]:
    """Kinds of a stage with commas between them, in the order of KINDS; none of an empty text. Raises ValueError
    with the rule and the value."""
    names = {part.strip() for part in text.split(",")} - {""}
    for name in sorted(names):
        broken = kind_rule(name)
        if broken:
            raise ValueError(f"{broken.text} ({broken.suggestion})")
    return tuple(kind for kind in KINDS if kind.value in names)


def kind_rule(value: str) -> Broken | None:
    """A kind of notice that a run sends."""
    known = [kind.value for kind in KINDS]
    if value in known:
        return None
    suggestion = Names(known).suggestion(value) or f"known kinds: {', '.join(known)}"
    return Broken(f"names {shown(value)}, which is no kind of notice of a run", suggestion)


def queue_rule(value: str) -> Broken | None:
    """The name of a run's own queue."""
    if re.fullmatch(QUEUE_PATTERN, value):
        return None
    return Broken(
        f"must be the name of an SQS queue that begins with '{QUEUE_PREFIX}', not {shown(value)}",
        "a standard queue of the same account and region; up to 80 letters, digits, '-' and '_'",
    )
