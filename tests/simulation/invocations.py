"""Invocations that take turns on one thread: each stops at calls of its ports, where others run, and where it may die.

Owns the greenlets and what may happen at a call. Who runs next, the world decides (world.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from greenlet import getcurrent, greenlet

from chalicelib.core.errors import AnswerLost, Throttled, TryAgain
from tests.memory.clock import HandClock
from tests.simulation.faults import Dice, Menu
from tests.simulation.story import Story

LAMBDA_TIMEOUT_SECONDS = 60
_HELD_STEPS_MAXIMUM = 40
_DECISIVE = frozenset(
    {"tally", "claim", "take_over", "change_run", "put_schedule", "put_look", "put_telling", "add_member", "waiting"}
)
"""The writes by which invocations learn of each other, and the question how many events wait: what happens right
before one of them is where races are."""
_OF_SEVERAL = frozenset({"send", "send_timers", "delete", "tell"})
"""Calls for several things, of which some may be done and others not."""
_TELLS = frozenset({"publish", "send", "send_timers", "note_jobs_told", "read_tally", "plan", "run", "tell"})
_SLOW_SECONDS = (1, 5, 20, 50, 70, 200)


class Died(BaseException):
    """The invocation dies here. Not an Exception, for no handler may survive it."""


class SkewedClock:
    """The clock as one machine shows it."""

    __slots__ = ("_clock", "_gate", "_off_ms")

    def __init__(self, clock: HandClock, off_ms: int, gate: Gate) -> None:
        self._clock = clock
        self._off_ms = off_ms
        self._gate = gate

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._off_ms

    def wait_until(self, at_ms: int) -> None:
        self._gate.wait_until(at_ms - self._off_ms)


class Invocation:
    """A function that runs from one `pause` to the next. `raised` is what it let through, once it is over."""

    __slots__ = (
        "_greenlet",
        "deadline_ms",
        "fed_by",
        "held_for_steps",
        "name",
        "number",
        "on_end",
        "raised",
        "rounds",
        "wakes_at_ms",
    )

    def __init__(self, number: int, name: str, act: Callable[[], object], deadline_ms: int) -> None:
        self.number = number
        self.name = f"#{number} {name}"
        self.deadline_ms = deadline_ms
        self.raised: BaseException | None = None
        self.wakes_at_ms = 0
        self.held_for_steps = 0
        self.fed_by: Any = None
        """The queue whose messages it handles."""
        self.rounds = 0
        """How many rounds a message has made that it sends to that queue."""
        self.on_end: Callable[[BaseException | None], None] = lambda raised: None
        self._greenlet = greenlet(lambda: self._run(act))

    def go_on(self) -> bool:
        """Run until the next pause; whether there is one, and not the end."""
        self._greenlet.switch()
        return not self._greenlet.dead

    def pause(self) -> None:
        """Called from within: let others run."""
        getcurrent().parent.switch()

    def _run(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (Exception, Died) as raised:
            self.raised = raised


class Gate:
    """What every call of a port goes through. `current` is the invocation under way."""

    def __init__(self, clock: HandClock, menu: Menu, story: Story, switch: Dice, hold: Dice, hold_writes: Dice) -> None:
        self.current: Invocation | None = None
        self.free: frozenset[str] = frozenset()
        """Calls at which nothing happens."""
        self.timeouts = 0
        self.untold = 0
        """How many calls failed on which telling hangs."""
        self.troubles = 0
        """How many calls failed, or were the last of their invocation."""
        self._befell: Counter[int] = Counter()
        """The same, by invocation."""
        self._clock = clock
        self._story = story
        self._switch = switch
        self._hold = hold
        self._hold_writes = hold_writes
        # Most of what follows never happens in most seeds: what cannot is not asked for.
        names = ("slow_call", "death_before", "death_after", "throttled", "failed_before", "answer_lost", "half_done")
        self._all_is_well = not story.is_told and not any(menu[name].rate for name in names)
        self._slow = menu["slow_call"]
        self._death_before, self._death_after = menu["death_before"], menu["death_after"]
        self._throttled, self._failed_before = menu["throttled"], menu["failed_before"]
        self._answer_lost, self._half_done = menu["answer_lost"], menu["half_done"]

    def call(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        invocation = self.current
        assert invocation is not None, "ports are called by invocations"
        if name in self.free:
            return function(*args, **kwargs)
        if self._all_is_well:
            self._let_others_run(invocation, name)
            if self._clock.now_ms() < invocation.deadline_ms:
                return function(*args, **kwargs)
        elif self._slow():
            invocation.wakes_at_ms = self._clock.now_ms() + self._slow.rng.choice(_SLOW_SECONDS) * 1000
            invocation.pause()
        else:
            self._let_others_run(invocation, name)
        if self._clock.now_ms() >= invocation.deadline_ms:
            self.timeouts += 1
            raise self._dies(invocation, name, "the Lambda's time is over")
        if self._death_before():
            raise self._dies(invocation, name, "dies before it took effect")
        if name == "submit":
            # How a submission fails is Batch's: it matters what its answer says.
            result = self._done(invocation, name, function, args, kwargs)
        else:
            result = self._done_or_failed(invocation, name, function, args, kwargs)
        if self._death_after():
            raise self._dies(invocation, name, "dies after it took effect")
        return result

    def calm_down(self) -> None:
        """Nothing goes wrong any more."""
        self._all_is_well = not self._story.is_told

    def wait_until(self, at_ms: int) -> None:
        """Let the invocation under way sleep."""
        if self.current is not None and at_ms > self._clock.now_ms():
            self.current.wakes_at_ms = at_ms
            self.current.pause()

    def pause_current(self) -> None:
        if self.current is not None:
            self.current.pause()

    def _let_others_run(self, invocation: Invocation, name: str) -> None:
        hold = self._hold_writes if name in _DECISIVE else self._hold
        if hold():
            # So long that others may come from their beginning to their end in between.
            invocation.held_for_steps = hold.rng.randint(5, _HELD_STEPS_MAXIMUM)
            invocation.pause()
        elif self._switch():
            invocation.pause()

    def _done_or_failed(self, invocation: Invocation, name: str, function: Any, args: Any, kwargs: Any) -> Any:
        if self._throttled():
            raise self._fails(invocation, name, Throttled(f"{name}: too many requests"))
        if self._failed_before():
            raise self._fails(invocation, name, AnswerLost(f"{name}: failed, without effect"))
        several = name in _OF_SEVERAL and args and isinstance(args[0], Sequence) and len(args[0]) > 1
        if several and self._half_done():
            args = (args[0][: len(args[0]) // 2], *args[1:])
            self._done(invocation, name, function, args, kwargs)
            raise self._fails(invocation, name, TryAgain(f"{name}: the rest could not be done"))
        result = self._done(invocation, name, function, args, kwargs)
        if self._answer_lost():
            raise self._fails(invocation, name, AnswerLost(f"{name}: done, and the answer was lost"))
        return result

    def _done(self, invocation: Invocation, name: str, function: Any, args: Any, kwargs: Any) -> Any:
        if not self._story.is_told:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as raised:
            self._story.call(invocation.name, name, args, kwargs, f"!! {raised!r}")
            raise
        self._story.call(invocation.name, name, args, kwargs, result)
        return result

    def alibi(self) -> Callable[[], bool]:
        """Tells, whenever it is asked later, whether something has befallen the invocation under way since now: one of
        its calls failed, it died, or its time is over."""
        invocation = self.current
        assert invocation is not None, "ports are called by invocations"
        number, deadline_ms, before = invocation.number, invocation.deadline_ms, self._befell[invocation.number]
        return lambda: self._befell[number] > before or self._clock.now_ms() >= deadline_ms

    def _dies(self, invocation: Invocation, name: str, why: str) -> Died:
        self.troubles += 1
        self._befell[invocation.number] += 1
        self._story.add(f"{invocation.name} !! {name}: {why}")
        return Died(why)

    def _fails(self, invocation: Invocation, name: str, error: Exception) -> Exception:
        self.troubles += 1
        self._befell[invocation.number] += 1
        self.untold += name in _TELLS
        self._story.add(f"{invocation.name} !! {error}")
        return error


_proxies: dict[type, type] = {}


def through(gate: Gate, port: Any) -> Any:
    """The port, each of whose methods goes through the gate."""
    kind = type(port)
    if kind not in _proxies:
        methods = {
            name: _method(name) for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))
        }
        _proxies[kind] = type(f"Gated{kind.__name__}", (_Gated,), {"__slots__": (), **methods})
    return _proxies[kind](gate, port)


class _Gated:
    __slots__ = ("_gate", "_port")

    def __init__(self, gate: Gate, port: Any) -> None:
        self._gate = gate
        self._port = port


def _method(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._gate.call(name, getattr(self._port, name), args, kwargs)

    return call
