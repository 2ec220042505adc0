"""Telling what happened: to the stage's topic, to a run's own queue, and to the event bus.

Owns what becomes of what cannot be told. What is told twice has the same id, so everything here may be repeated. Each
place is told by itself: one that fails keeps nothing from another, nor from the run, whose record remembers for which
place what is left (core/notice/outbox.py). What a place refuses for good is given up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from chalicelib.core.errors import NotTold, TryAgain, UserMistake
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.outbox import Place
from chalicelib.core.notice.preferences import Notify
from chalicelib.core.run.bus_events import Change
from chalicelib.core.run.commands import HealRun, encode
from chalicelib.core.run.records import Run
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import World

log = logging.getLogger(__name__)

FAILURES_MAXIMUM = 3
"""After so many tellings of an invocation that failed in one place, none is tried there any more: each may have waited
for its time-out, and the invocation has other things to do."""
AGAIN_SECONDS = 10
"""After so long it is tried again to tell what is left of a run that has ended. What is left of one that goes on, its
end tells or the sweep, whichever comes first."""
_TOPIC, _BUS = "the topic", "the event bus"


def publish(world: World, notice: Notice) -> None:
    """Publish a notice to the stage's topic. Raises NotTold. One that the topic refuses for good is given up."""
    _try(world, _TOPIC, notice.notice_id, lambda: world.notices.publish(notice))


def deliver(world: World, notify: Notify, notice: Notice, places: Iterable[Place]) -> list[Place]:
    """Tell a notice of a run to these places, topic or queue; those that could not be told for now."""
    left = []
    for place in places:
        try:
            if place is Place.TOPIC:
                publish(world, notice)
            elif place is Place.QUEUE and notify.queue is not None:
                _send(world, notice, notify.queue)
        except NotTold as failure:
            log.warning("%s", failure)
            left.append(place)
    return left


def _send(world: World, notice: Notice, queue: str) -> None:
    _try(world, f"queue {queue}", notice.notice_id, lambda: world.notices.send(notice, queue))


def tell_changes(world: World, changes: Sequence[Change]) -> bool:
    """Put changes on the event bus, if the stage has one; whether they need not be told any more."""
    bus = world.changes
    if bus is not None and changes:
        what = changes[0].change_id + (f" and {len(changes) - 1} more" if len(changes) > 1 else "")
        try:
            _try(world, _BUS, what, lambda: bus.tell(changes))
        except NotTold as failure:
            log.warning("%s", failure)
            return False
    return True


def bus_is_left_alone(world: World) -> bool:
    """Whether nothing more is put on the event bus by this invocation."""
    return world.unheard[_BUS] >= FAILURES_MAXIMUM


def bus_of(world: World) -> tuple[Place, ...]:
    """The event bus, if the stage has one."""
    return () if world.changes is None else (Place.BUS,)


def remember(world: World, run_id: str, untold: Collection[str]) -> None:
    """Note in the run's record what could not be told of it. Raises TryAgain."""
    if untold:
        sweep_at_ms = world.clock.now_ms() + world.settings.look_seconds * 1000
        run = world.store.note_run_untold(run_id, untold, sweep_at_ms)
        if run is not None and run.state.ended:
            tell_again(world, run)


def tell_again(world: World, run: Run) -> None:
    """See to it that what is left to be told of a run which has ended is told soon. Raises TryAgain."""
    world.commands.send([encode(HealRun(run.run_id, run.epoch))], delay_seconds=AGAIN_SECONDS)


def _try(world: World, place: str, what: str, telling: Callable[[], None]) -> None:
    if world.unheard[place] >= FAILURES_MAXIMUM:
        raise NotTold(f"{place} failed {FAILURES_MAXIMUM} times just now, so {what} is told later")
    try:
        telling()
    except TryAgain as failure:
        world.unheard[place] += 1
        raise NotTold(f"{what} did not reach {place}: {failure}") from failure
    except UserMistake as mistake:
        telemetry.telling_refused(world)
        log.warning("%s does not reach %s, and is given up: %s", what, place, mistake)
    except Exception:
        # A right that we lack, a key that was disabled: whoever is to hear it cannot, and nothing else hangs on it.
        telemetry.telling_refused(world)
        log.exception("%s does not reach %s, and is given up", what, place)
