"""The fault menu: what may go wrong in a simulated world, how often in one seed, and how often it did.

Every kind has dice of its own, derived from the seed and the kind's name, so that leaving one kind out does not change
when the others happen. Where a fault bites is said where it is asked for; here are their names and rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: in `share` of the seeds it happens, each time that it could with one of `rates`.

    What it `brings` happens in the same seeds too, for without that it would change nothing.
    """

    name: str
    what: str
    share: float
    rates: tuple[float, ...]
    brings: tuple[str, ...] = ()


LOST_EVENTS, LOST_COMMANDS, LOST_TIMES, FORGOTTEN = "event_lost", "command_lost", "time_lost", "job_forgotten"
FORBIDDEN = "submit_forbidden"
UNSERVED = "events_unserved"
"""To runs this is one more way for events to be late. It is drawn where monitors mind what waits in the queue."""
NEED_A_SWEEP = frozenset({LOST_EVENTS, LOST_COMMANDS, LOST_TIMES, FORGOTTEN})
"""What a run survives only where something looks for it."""

_SLOW_TO_TELL = ("submit_lost", "slow_job")

FAULTS = (
    # At every call of a port.
    Fault("death_before", "an invocation dies before a call takes effect", 0.35, (0.003, 0.01, 0.03)),
    Fault("death_after", "an invocation dies after a call took effect", 0.35, (0.003, 0.01, 0.03)),
    Fault("slow_call", "a call takes so long that the Lambda may time out", 0.2, (0.005, 0.03)),
    Fault("throttled", "a call is refused for its rate", 0.2, (0.005, 0.03)),
    Fault("failed_before", "a call fails without effect", 0.2, (0.005, 0.03)),
    Fault("answer_lost", "a call takes effect and its answer is lost", 0.2, (0.005, 0.03)),
    Fault("half_done", "a call for several does some of them and fails", 0.2, (0.05, 0.2)),
    # Batch.
    Fault("submit_throttled", "SubmitJob answers 429", 0.25, (0.1, 0.4)),
    Fault("submit_failed", "SubmitJob fails without effect, and its answer does not say so", 0.25, (0.1, 0.4)),
    Fault("submit_lost", "SubmitJob makes a job, and its answer is lost", 0.3, (0.1, 0.4)),
    Fault("list_lags", "ListJobs does not list a new job yet", 0.4, (0.5, 1.0)),
    Fault("list_lags_long", "ListJobs lists a job later than the lease allows for", 0.05, (1.0,), _SLOW_TO_TELL),
    Fault("describe_forgets", "DescribeJobs does not know a job, for this once", 0.2, (0.1, 0.5)),
    Fault("slow_job", "a job waits for capacity, or runs, for minutes or hours", 0.15, (0.2, 0.6)),
    Fault(FORGOTTEN, "Batch forgets a job before anybody heard how it ended", 0.1, (0.1, 0.3)),
    Fault("quick_end", "a job ends before its id is recorded", 0.3, (0.1, 0.5)),
    Fault("tried_inside", "Batch tries a job again by itself", 0.15, (0.3,)),
    Fault("late_terminate", "a job ends by itself although it was asked to end", 0.5, (0.6,)),
    # EventBridge.
    Fault(LOST_EVENTS, "an event never comes", 0.2, (0.05, 0.3, 1.0)),
    Fault("event_twice", "an event comes twice at the same instant", 0.3, (0.1, 0.4)),
    Fault("event_again", "an event comes again later", 0.3, (0.1, 0.4)),
    Fault("event_late", "an event is seconds or minutes late", 0.3, (0.1, 0.5)),
    Fault("event_hours_late", "an event is hours late", 0.1, (0.1, 0.3)),
    Fault("event_out_of_order", "an event comes before the one that it follows", 0.3, (0.3,)),
    # At every step of the world.
    Fault("stale_event", "an old event comes once more", 0.25, (0.02, 0.07)),
    Fault("foreign_event", "an event of a job that is not ours comes", 0.2, (0.02, 0.05)),
    Fault("malformed_message", "a message that cannot be read comes", 0.1, (0.01, 0.02)),
    Fault("command_again", "an old command comes once more", 0.25, (0.02, 0.07)),
    # The queues.
    Fault("redelivery", "a message is delivered again while somebody has it", 0.25, (0.1, 0.4)),
    Fault(LOST_COMMANDS, "a command never comes", 0.15, (0.1, 0.3, 1.0)),
    Fault("command_late", "a command is minutes late", 0.2, (0.1, 0.3)),
    # Invocations.
    Fault("clock_skew", "an invocation's clock is seconds off", 0.35, (1.0,)),
    Fault("asked_twice", "a run is started or cancelled by two callers at once", 0.2, (0.5,)),
    # EventBridge Scheduler.
    Fault(LOST_TIMES, "a schedule's time is never told", 0.3, (0.2, 0.5, 1.0)),
    Fault("time_twice", "a schedule's time is told twice", 0.4, (0.3, 1.0)),
    Fault("time_late", "a schedule's time is told late", 0.4, (0.2, 0.6)),
    # Whoever is told. New kinds go to the end, so that nothing before is drawn otherwise.
    Fault("deaf", "topic, bus, a run's queue or logs fail for minutes or hours", 0.1, (0.02, 0.2)),
    Fault("refusal", "topic, bus or logs refuse for good, for minutes or hours", 0.05, (0.02, 0.2)),
    # Of a stage that was just deployed.
    Fault(FORBIDDEN, "SubmitJob is not permitted yet; and what is refused for good is not permitted", 0.15, (1.0,)),
    Fault("command_early", "a command comes before its delay is over", 0.15, (0.1, 0.5)),
    # The functions.
    Fault(UNSERVED, "nobody handles events for minutes or hours", 0.3, (0.02, 0.1)),
)
BY_NAME = {fault.name: fault for fault in FAULTS}

CALM, WILD = 0.2, 0.05
"""The shares of seeds in which nothing goes wrong but the order of things, and in which nearly everything does."""


def derived(seed: int, name: str) -> Random:
    """The dice of that name: the same for the same seed, whatever else is drawn."""
    return Random((seed << 32) + crc32(name.encode()))


class Dice:
    """Tells at each asking whether a fault happens. Calling it is cheap: the next time is drawn ahead."""

    __slots__ = ("_left", "fired", "rate", "rng")

    def __init__(self, rate: float, rng: Random | None) -> None:
        self.rate = rate
        self.fired = 0
        self.rng = rng or _NO_DICE
        self._left = self._gap() if rate else 0

    def __call__(self) -> bool:
        if not self._left:
            return False
        self._left -= 1
        if self._left:
            return False
        self._left = self._gap()
        self.fired += 1
        return True

    def rest(self) -> None:
        """Never again."""
        self._left = 0

    def _gap(self) -> int:
        if self.rate >= 1:
            return 1
        return 1 + int(math.log(1 - self.rng.random()) / math.log(1 - self.rate))


_NO_DICE = Random(0)


class Menu(dict[str, Dice]):
    """The dice of every kind of fault in one seed."""

    def __init__(self, seed: int, *, without: Iterable[str] = (), shares: Mapping[str, float] | None = None) -> None:
        super().__init__()
        rng = derived(seed, "menu")
        mood = rng.random()
        rates: dict[str, float] = {}
        on: set[str] = set()
        for fault in FAULTS:
            # Drawn for every kind, so that leaving one out changes none of the others.
            chance, rates[fault.name] = rng.random(), rng.choice(fault.rates)
            share = (shares or {}).get(fault.name, fault.share)
            if mood < CALM:
                share = 0.0
            elif mood > 1 - WILD:
                share = min(1.0, share * 2.5)
            if chance < share:
                on |= {fault.name, *fault.brings}
        if "list_lags_long" in on:
            # A second job that is neither listed nor told of is nobody's to find.
            on -= NEED_A_SWEEP
        for name, rate in rates.items():
            happens = name in on and name not in without
            self[name] = Dice(rate, derived(seed, name)) if happens else Dice(0, None)

    def calm_down(self) -> None:
        """Nothing goes wrong any more."""
        for dice in self.values():
            dice.rest()

    @property
    def fired(self) -> dict[str, int]:
        """How often each kind happened."""
        return {name: dice.fired for name, dice in self.items() if dice.fired}

    def described(self) -> str:
        on = [f"{name}={dice.rate}" for name, dice in self.items() if dice.rate]
        return " ".join(on) or "nothing goes wrong but the order of things"
