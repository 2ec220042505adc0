"""Telling what happened: to the stage's topic, to a run's own queue, and to the event bus.

Owns what becomes of what cannot be told. What is told twice has the same id, so everything here may be repeated. It
comes after the writes and commands that it tells of, so that nobody's hearing of it holds them up, and before the write
after which no message would repeat it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from chalicelib.core.changes import Change
from chalicelib.core.errors import NotTold, TryAgain, UserMistake
from chalicelib.core.notices import Notice
from chalicelib.core.notify import Notify
from chalicelib.engine import noting
from chalicelib.engine.world import World

log = logging.getLogger(__name__)

FAILURES_MAXIMUM = 3
"""After so many tellings of an invocation that failed in one place, none is tried there any more: each may have waited
for its time-out, and the invocation has other things to do."""
_TOPIC, _BUS = "the topic", "the event bus"


class HeldBack:
    """Tellings of one procedure. One that fails holds up nothing that comes after it; `check` raises it in the end."""

    def __init__(self) -> None:
        self._failure: NotTold | None = None

    def tell(self, telling: Callable[[], object]) -> bool:
        """Whether it, or what it is a part of, was told."""
        try:
            telling()
        except NotTold as failure:
            self._failure = self._failure or failure
            return False
        return True

    def check(self) -> None:
        """Raise NotTold if anything was not."""
        if self._failure is not None:
            raise self._failure


def publish(world: World, notice: Notice) -> None:
    """Publish a notice to the stage's topic. Raises NotTold. One that the topic refuses for good is given up."""
    _try(world, _TOPIC, notice.notice_id, lambda: world.notices.publish(notice))


def deliver(world: World, notify: Notify, notice: Notice) -> None:
    """Tell a notice of a run to whom it concerns. Raises NotTold. What can never be delivered is given up: a run must
    not hang because somebody deleted a queue."""
    queue = notify.queue
    if queue is not None and notify.to_queue(notice.kind):
        # First, for it is read by a program, which drops a repeat: as often as it fails, no person is told again.
        _try(world, f"queue {queue}", notice.notice_id, lambda: world.notices.send(notice, queue))
    if notify.to_topic(notice.kind):
        publish(world, notice)


def tell_changes(world: World, changes: list[Change]) -> None:
    """Put changes on the event bus, if the stage has one. Raises NotTold. What it refuses for good is given up."""
    bus = world.changes
    if bus is not None and changes:
        what = changes[0].change_id + (f" and {len(changes) - 1} more" if len(changes) > 1 else "")
        _try(world, _BUS, what, lambda: bus.tell(changes))


def _try(world: World, place: str, what: str, telling: Callable[[], None]) -> None:
    if world.unheard[place] >= FAILURES_MAXIMUM:
        raise NotTold(f"{place} failed {FAILURES_MAXIMUM} times just now, so {what} is told later")
    try:
        telling()
    except TryAgain as failure:
        world.unheard[place] += 1
        raise NotTold(f"{what} did not reach {place}: {failure}") from failure
    except UserMistake as mistake:
        noting.telling_refused(world)
        log.warning("%s does not reach %s, and is given up: %s", what, place, mistake)
    except Exception:
        # A right that we lack, a key that was disabled: whoever is to hear it cannot, and nothing else hangs on it.
        noting.telling_refused(world)
        log.exception("%s does not reach %s, and is given up", what, place)
