"""A simulated world: one seed decides who acts next, what goes wrong, and how much time passes.

Owns the choice of what happens next, among what can: an invocation goes on, a queue delivers, a job of Batch goes on,
somebody asks for something, a fault comes by itself. Time stands still unless a choice lets it pass. How a world is
played to its end and judged is play.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from chalicelib.core.chain import HOPS_MAXIMUM
from chalicelib.core.errors import TryAgain
from chalicelib.core.ids import run_id
from chalicelib.core.run.records import Run
from chalicelib.engine.inbox.messages import Mailbox, MessagesLeft, handle_commands, handle_events
from chalicelib.engine.inbox.sweep import sweep
from chalicelib.engine.world.world import Settings, World
from chalicelib.ports.services import Timer
from tests.memory.clock import HandClock
from tests.memory.permits import MemoryPermits
from tests.memory.queue import MemoryDeadLetters, as_lambda_has_it
from tests.memory.scheduler import MemoryScheduler
from tests.simulation import actions, awaited
from tests.simulation.batch import SimulatedBatch
from tests.simulation.eventbridge import EventBridge
from tests.simulation.faults import LOST_COMMANDS, NEED_A_SWEEP, UNSERVED, Dice, Menu, derived
from tests.simulation.foreign import Foreign, has_foreign
from tests.simulation.invariants import Epoch, Judge, SimulatedRun, Violation, must
from tests.simulation.invocations import LAMBDA_TIMEOUT_SECONDS, Died, Gate, Invocation, SkewedClock, through
from tests.simulation.monitored import Monitored
from tests.simulation.plans import (
    FLAVOUR,
    PARTS,
    SIZES_OF_ARRAYS,
    params_of_a_run,
    random_fates,
    random_plan,
    thinned,
    with_longer_waits,
    with_params,
)
from tests.simulation.queues import SimulatedQueue
from tests.simulation.scope import Scope
from tests.simulation.story import Story, shown
from tests.simulation.telling import ports_of, telling_of
from tests.simulation.timetable import STAGE, timetable_of

INVOCATIONS = 6
CANCELS = "on_commands of a cancel"
"""What an invocation is called that carries a cancel out."""
SKEW_MS = 4_000
_RUNS = (*(1 for _ in range(18)), 2, 3)
_SWEEP_MS = Settings().sweep_seconds * 1000
LIST_LAG_SECONDS = Settings().lease_seconds - LAMBDA_TIMEOUT_SECONDS - 2 * SKEW_MS // 1000 - 1
"""What the engine relies on: a job is listed before the claim of an owner that died at the end of its time, and whose
clock was behind, is over for somebody whose clock is ahead."""


@dataclass(frozen=True)
class Conditions:
    """How a seed's world is, apart from faults."""

    shard_size: int
    settings: Settings
    haste: float
    rush: bool
    switch: float
    hold: float
    hold_writes: float
    pace_ms: int
    events_at_once: int
    commands_at_once: int
    every_state: bool
    warm: float
    same_plan: bool
    runs: int
    stormy_steps: int
    sweeps: bool


def random_conditions(rng: Random) -> Conditions:
    return Conditions(
        shard_size=rng.choice((1, 1, 2, 2, 3, 5, 256)),
        settings=Settings(inline_submissions=rng.choice((0, 1, 5, 5)), chunk_size=rng.choice((1, 2, 25))),
        # The less haste, the more invocations are under way at once.
        haste=rng.choice((0.5, 2, 6)),
        # In a rush, all jobs go on at the same instant.
        rush=rng.random() < 0.4,
        switch=rng.choice((0.02, 0.1, 0.3)),
        hold=rng.choice((0, 0.02, 0.08)),
        hold_writes=rng.choice((0, 0.4, 0.4)),
        pace_ms=rng.choice((0, 0, 10, 1_000)),
        events_at_once=rng.choice((1, 3, 10)),
        commands_at_once=rng.choice((1, 1, 5)),
        every_state=rng.random() < 0.2,
        warm=rng.choice((0, 0.5, 0.9)),
        same_plan=rng.random() < 0.3,
        runs=rng.choice(_RUNS),
        stormy_steps=rng.randint(15, 80),
        sweeps=rng.random() < 0.5,
    )


class SimulatedWorld:
    """Everything there is in one seed's world. `step` lets one thing happen."""

    def __init__(self, seed: int, scope: Scope, *, is_told: bool = False) -> None:
        self.seed = seed
        self.rng = rng = derived(seed ^ scope.salt << 48, "order")
        self.conditions = random_conditions(derived(seed, "conditions"))
        others = has_foreign(seed, scope)
        if others:
            # Most of what monitors say is found by the sweep; and these worlds' jobs of others are real.
            self.conditions = replace(self.conditions, sweeps=True)
            scope = replace(scope, without=scope.without | {"foreign_event"})
        else:
            scope = replace(scope, without=scope.without | {UNSERVED})
        without = scope.without if self.conditions.sweeps else scope.without | NEED_A_SWEEP
        self.menu = menu = Menu(seed, without=without, shares=scope.shares)
        self.clock = clock = HandClock()
        self.story = story = Story(clock, is_told=is_told)
        self.judge = Judge(clock, pairs_may_be=menu["list_lags_long"].rate > 0, skew_ms=SKEW_MS)
        self.store = self.judge.store
        self.events = SimulatedQueue(clock, rng, menu, Dice(0, None), Dice(0, None))
        self.commands = SimulatedQueue(clock, rng, menu, menu["command_late"], menu[LOST_COMMANDS])
        for queue in (self.events, self.commands):
            queue.rounds = partial(self._rounds, queue)
        self.commands.check_timers = self._check_timers
        self.bridge = EventBridge(self.events, rng, menu, story, every_state=self.conditions.every_state)
        self.batch = SimulatedBatch(clock, rng, menu, self.bridge, self.judge, LIST_LAG_SECONDS * 1000)
        self.judge.jobs_alive = self.batch.alive
        self.judge.sweep_is_needed = self._sweep_is_needed
        self.judge.is_punctual = not any(dice.rate for dice in menu.values()) and self.conditions.pace_ms <= 10
        self.judge.make_epoch = self._make_epoch
        self.telling = telling_of(seed, scope)
        self.settings = replace(
            self.conditions.settings, notify_kinds=self.telling.stage_kinds, observe_all_jobs=others
        )
        self.notices, self.changes, self.logs = ports_of(self.telling, self.judge, menu)
        self.permits = MemoryPermits()
        self.scheduler = MemoryScheduler()
        self.dead = CheckedDeadLetters(self.bridge.poison)
        switch = Dice(self.conditions.switch, derived(seed ^ scope.salt << 48, "switch"))
        hold = Dice(self.conditions.hold, derived(seed ^ scope.salt << 48, "hold"))
        hold_writes = Dice(self.conditions.hold_writes, derived(seed ^ scope.salt << 48, "hold writes"))
        self.gate = Gate(clock, menu, story, switch, hold, hold_writes)
        self.batch.let_others_run = self.gate.pause_current
        names = ("store", "batch", "permits", "commands", "notices", "scheduler")
        self.ports: dict[str, Any] = {name: through(self.gate, getattr(self, name)) for name in names}
        self.ports["backlog"] = through(self.gate, self.events)
        for name, port in (("changes", self.changes), ("logs", self.logs)):
            self.ports[name] = port and through(self.gate, port)
        # Where nobody hears more than the ends of runs, nobody asks what was the matter.
        self.ports["children"] = self.logs and self.ports["batch"]
        self.inboxes = {queue: through(self.gate, queue) for queue in (self.events, self.commands)}
        self.gated_dead = through(self.gate, self.dead)
        self.live: list[Invocation] = []
        self.held: list[tuple[int, Invocation]] = []
        """Invocations that do not go on before a step, unless nothing else can happen."""
        self.asleep: list[Invocation] = []
        """Invocations that do not go on before a time."""
        self.processes: list[dict[Any, Any]] = []
        self.foreign = self.batch.foreign = self.judge.foreign = Foreign(self) if others else None
        self.invocations = 0
        self._inform_judge()
        self.next_sweep_at_ms = clock.now_ms() + derived(seed, "sweep").randint(0, _SWEEP_MS)
        self.unserved_until_ms = 0
        """Until when nobody handles events."""
        self.steps = 0
        self.steps_of_storm = 0
        self.replayed = False
        self.asks: list[actions.Ask] = []
        self.monitored = self.judge.monitored = Monitored(self, self.foreign) if self.foreign else None
        self.runs = self._make_runs(scope)
        self.agenda = actions.agenda(self, scope)
        self.timetable = self.judge.timetable = timetable_of(self, scope)
        if self.timetable is not None:
            self.agenda = sorted([*self.agenda, *self.timetable.agenda()], key=lambda due: -due.at_step)
        else:
            self.gate.free = frozenset({"due_schedules"})

    def _inform_judge(self) -> None:
        """Let the judge see what befalls the invocations."""
        self.judge.alibi = self.gate.alibi
        self.judge.timeouts = lambda: self.gate.timeouts
        self.judge.untold = lambda: self.gate.untold + self.notices.deaf.failures
        self.judge.begun = lambda: self.invocations
        self.judge.who = lambda: self.gate.current.name if self.gate.current else ""
        self.judge.under_way = lambda: self.gate.current.number if self.gate.current else 0

    def _make_runs(self, scope: Scope) -> list[SimulatedRun]:
        runs: list[SimulatedRun] = []
        for number in range(min(self.conditions.runs, scope.runs)):
            of = 0 if self.conditions.same_plan else number
            plan = with_params(random_plan(derived(self.seed, f"plan {of}"), f"play-{of}"))
            plan = with_longer_waits(derived(self.seed, f"waits {of}"), plan)
            parts = derived(self.seed, f"parts {of}").choice(SIZES_OF_ARRAYS)
            fates = random_fates(derived(self.seed, f"fates {number}"), plan)
            plan = runs[0].plan if runs and not of else thinned(plan, scope.tasks_left_out(of))
            run = SimulatedRun(number, run_id(STAGE, plan.workflow, f"key-{number}"), [Epoch(plan, fates, parts=parts)])
            definition = {"params": params_of_a_run(parts), **self.telling.definition(number)}
            self.store.push(plan.workflow, definition, plan, self.clock.now_ms())
            self.judge.runs[run.run_id] = run
            runs.append(run)
        return runs

    def _make_epoch(self, run: SimulatedRun, following: Run) -> Epoch:
        """The epoch that a redrive begins: fates are drawn anew, whichever plan it is."""
        plan = self.store.plan(following.plan_digest)
        fates = random_fates(derived(self.seed, f"fates {run.number} {following.epoch}"), plan)
        asked = {} if run.redrive is None else run.redrive.params
        before = run.epochs[-1]
        epoch = Epoch(
            plan, fates, following.redrive, asked.get(FLAVOUR, before.flavour), asked.get(PARTS, before.parts)
        )
        right = {FLAVOUR: epoch.flavour, PARTS: epoch.parts}
        must(following.params in (right, {}), f"run {run.number} has params {following.params}, and not {right}")
        return epoch

    # Invocations

    def invoke(self, name: str, act: Callable[[World], object]) -> Invocation:
        """A new invocation of a function, which waits for its first turn."""
        self.invocations += 1
        world, remembered = self._engine_world(f"invocation-{self.invocations}")
        deadline_ms = self.clock.now_ms() + LAMBDA_TIMEOUT_SECONDS * 1000
        invocation = Invocation(self.invocations, name, partial(act, world), deadline_ms)
        invocation.on_end = lambda raised: self._give_back(remembered, raised)
        self.live.append(invocation)
        return invocation

    def _engine_world(self, owner: str) -> tuple[World, dict[Any, Any]]:
        """The engine's world of one invocation, in a process that is warm or not."""
        warm = bool(self.processes) and self.rng.random() < self.conditions.warm
        remembered = self.processes.pop() if warm else {}
        skew = self.menu["clock_skew"]
        off_ms = skew.rng.randint(-SKEW_MS, SKEW_MS) if skew() else 0
        world = World(
            **self.ports,
            clock=SkewedClock(self.clock, off_ms, self.gate),
            stage=STAGE,
            owner=owner,
            settings=self.settings,
            remembered=remembered,
        )
        return world, remembered

    def _give_back(self, remembered: dict[Any, Any], raised: BaseException | None) -> None:
        if not isinstance(raised, Died):
            self.processes.append(remembered)

    def _go_on(self) -> None:
        place = int(self.rng.random() * len(self.live))
        invocation = self.live[place]
        self.gate.current = invocation
        goes_on = invocation.go_on()
        self.gate.current = None
        if goes_on:
            if invocation.held_for_steps:
                self.held.append((self.steps + invocation.held_for_steps, self.live.pop(place)))
                invocation.held_for_steps = 0
            elif invocation.wakes_at_ms > self.clock.now_ms():
                self.story.add(f"{invocation.name} waits for an answer")
                self.asleep.append(self.live.pop(place))
            return
        del self.live[place]
        raised = invocation.raised
        if raised is not None and not isinstance(raised, (Died, TryAgain, MessagesLeft)):
            raise Violation(f"{invocation.name} raised {raised!r}") from raised
        self.story.add(f"{invocation.name} ends" + (f": {raised}" if raised else ""))
        if raised is not None and invocation.fed_by is None and self._has_ended_untold():
            # No queue delivers it again. Another try meets the lease of this one, and answers what the run is.
            self._sweep_is_needed()
        invocation.on_end(raised)

    def _has_ended_untold(self) -> bool:
        return any(run.state.ended and run.untold for run in self.store.all_runs())

    def _deliver(self, queue: SimulatedQueue) -> None:
        is_events = queue is self.events
        at_once = self.conditions.events_at_once if is_events else self.conditions.commands_at_once
        messages = queue.receive(1 if at_once == 1 else self.rng.randint(1, at_once))
        if not messages:
            return  # what was visible went to the dead letters
        ours = [as_lambda_has_it(message) for message in messages]
        inbox, dead = self.inboxes[queue], self.gated_dead
        handler = handle_events if is_events else handle_commands
        name = "on_events" if is_events else "on_commands"
        if any('"kind":"cancel_run"' in message.body for message in messages):
            name = CANCELS
        invocation = self.invoke(name, lambda world: handler(world, Mailbox(inbox, inbox, dead), ours))
        invocation.fed_by = queue
        # Of several messages, nobody knows which one Lambda takes the count from: it is at least so many.
        invocation.rounds = 1 + min(message.rounds for message in messages)
        if self.story.is_told:
            for message in ours:
                self.story.add(f"{invocation.name} receives ({message.receive_count}) {shown(message.body)}")

    def _rounds(self, queue: SimulatedQueue) -> int:
        """How many rounds a message has made that is sent to a queue now."""
        current = self.gate.current
        return current.rounds if current is not None and current.fed_by is queue else 0

    def _check_timers(self, timers: Sequence[Timer]) -> None:
        if self.commands.longest_chain >= HOPS_MAXIMUM:
            self.judge.sweep_is_needed()
        for body, _ in timers:
            self.judge.check_timer(body)

    def _sweep_is_needed(self) -> None:
        """From now on something hangs on the sweep alone."""
        self.conditions = replace(self.conditions, sweeps=True)

    # Who asks for something

    def ask_next(self) -> bool:
        """The next on the agenda asks; whether there was one."""
        if not self.agenda:
            return False
        self.agenda.pop().act()
        return True

    def ask_again(self) -> bool:
        """Somebody who got no answer asks again; whether there was one."""
        for ask in self.asks:
            if not ask.answered:
                ask.make(self)
                return True
        return False

    def resume_what_is_paused(self) -> bool:
        """Let everything go on that nobody has resumed; whether there was something."""
        paused = self.timetable is not None and self.timetable.resume_in_the_end()
        return actions.resume_what_is_paused(self) or paused

    # What can happen

    def step(self) -> bool:
        """Let one thing happen, whichever; False when nothing will ever happen any more."""
        self.steps += 1
        if self.conditions.sweeps and self.clock.now_ms() >= self.next_sweep_at_ms:
            self._sweep()
        if self.timetable is not None:
            self.timetable.fire()
        if self.held:
            self._release(self.steps)
        if self.agenda and self.agenda[-1].at_step <= self.steps_of_storm:
            return self.ask_next()
        conditions = self.conditions
        live = conditions.haste if self.live else 0.0
        may_deliver = len(self.live) + len(self.held) < INVOCATIONS
        events = 2.0 if may_deliver and self.events.is_visible() and not self._is_unserved else 0.0
        commands = 2.0 if may_deliver and self.commands.is_visible() else 0.0
        movable = self._movable_jobs()
        jobs = 1.0 if movable else 0.0
        theirs = self.foreign.movable() if self.foreign is not None else []
        others = 1.0 if theirs else 0.0
        total = live + events + commands + jobs + others
        if not total:
            return self._let_time_pass()
        chance = self.rng.random() * total
        if chance < live:
            self._go_on()
        elif chance < live + events:
            self._deliver(self.events)
        elif chance < live + events + commands:
            self._deliver(self.commands)
        elif chance < live + events + commands + jobs:
            self._jobs_go_on(movable)
        elif self.foreign is not None:
            self.foreign.go_on(theirs)
        if conditions.pace_ms:
            self.clock.advance(ms=int(self.rng.random() * conditions.pace_ms))
        if self.asleep or self.batch.resting:
            self._wake()
        return True

    def stormy_step(self) -> bool:
        """A step, and what may come by itself."""
        self.steps_of_storm += 1
        menu = self.menu
        if menu["stale_event"]():
            self.bridge.repeat_an_old_one(menu["stale_event"].rng)
        if menu["command_again"]() and self.commands.old:
            body = menu["command_again"].rng.choice(self.commands.old)
            if body not in self.bridge.poison:
                self.commands.put([(body, 0)])
        if menu["foreign_event"]() and self.batch.jobs:
            rng = menu["foreign_event"].rng
            self.bridge.send_foreign(rng, rng.choice(list(self.batch.jobs.values())).detail())
        if menu["malformed_message"]() and self.batch.jobs:
            rng = menu["malformed_message"].rng
            queue = rng.choice((self.events, self.commands))
            self.bridge.send_malformed(rng, queue, rng.choice(list(self.batch.jobs.values())).detail())
        if menu[UNSERVED]() and self.monitored is not None and not self._is_unserved:
            monitors, now_ms = self.monitored.definition, self.clock.now_ms()
            sweeps_ms = range(self.next_sweep_at_ms, now_ms + 86_400_000, _SWEEP_MS)
            self.unserved_until_ms = awaited.end_of_an_outage_ms(menu[UNSERVED].rng, now_ms, monitors, sweeps_ms)
            self.story.add(f"nobody handles events until {self.unserved_until_ms}")
        if self.rng.random() < 0.02:
            self.clock.advance(seconds=self.rng.choice((1, 5, 30)))
            self._wake()
        return self.step()

    @property
    def _is_unserved(self) -> bool:
        return self.clock.now_ms() < self.unserved_until_ms

    def _movable_jobs(self) -> list[Any]:
        movable = self.batch.movable
        if self.judge.pairs_may_be:
            return [job for job in movable if self.batch.may_go_on(job)]
        return movable

    def _jobs_go_on(self, movable: list[Any]) -> None:
        """One job goes on, or several at the same instant."""
        several = len(movable) if self.conditions.rush else int(self.rng.random() * 6) - 2
        for job in self.rng.sample(movable, min(len(movable), max(1, several))):
            self.batch.go_on(job)

    def _release(self, step: int) -> None:
        for one in [one for one in self.held if one[0] <= step]:
            self.held.remove(one)
            self.live.append(one[1])

    def _let_time_pass(self) -> bool:
        """Nobody can do anything now: time passes until somebody can."""
        if self.held:
            self._release(min(step for step, _ in self.held))
            return True
        times = [queue.next_visible_at_ms for queue in (self.events, self.commands)]
        if self._is_unserved and times[0] is not None:
            # Each look meanwhile may be the one that says too much.
            times[0] = min(max(times[0], self.unserved_until_ms), self.next_sweep_at_ms)
        times += [invocation.wakes_at_ms for invocation in self.asleep]
        times += [job.rests_until_ms for job in self.batch.resting]
        times.append(self.scheduler.next_ms())
        if self.conditions.sweeps and self.store.waits_long():
            # A long wait is the one thing for which each sweep counts.
            times.append(self.next_sweep_at_ms)
        if self.foreign is not None:
            times += self.foreign.next_ms()
        known = [at_ms for at_ms in times if at_ms is not None]
        if known:
            # However long that takes, one sweep in it is otherwise enough: the next ones would find what it found.
            self.clock.advance_to(min(known))
        elif self.judge.is_calm and self.resume_what_is_paused():
            return True
        elif self.conditions.sweeps and (due_ms := self.store.next_sweep_ms()) is not None:
            self.clock.advance_to(max(due_ms + SKEW_MS, self.next_sweep_at_ms))
            self._sweep()
        elif self.judge.is_calm and self.foreign is not None and (due_ms := self.foreign.next_look_ms()) is not None:
            self.clock.advance_to(due_ms)
            self._sweep()
        else:
            return False
        self._wake()
        return True

    def _sweep(self) -> None:
        self.next_sweep_at_ms = self.clock.now_ms() + _SWEEP_MS
        for _ in range(1 if self.foreign is None else self.foreign.sweeps_at_once()):
            invocation = self.invoke("sweep", sweep)
            if self.monitored is not None:
                self.monitored.sweep_begins(invocation)

    def _wake(self) -> None:
        now_ms = self.clock.now_ms()
        for invocation in [one for one in self.asleep if one.wakes_at_ms <= now_ms]:
            self.asleep.remove(invocation)
            self.live.append(invocation)
        if self.batch.resting:
            self.batch.wake()


class CheckedDeadLetters(MemoryDeadLetters):
    """The dead letters, where only what nobody can read may be put."""

    def __init__(self, poison: set[str]) -> None:
        super().__init__()
        self._poison = poison

    def put(self, body: str, reason: str, receive_count: int, **times: Any) -> None:
        must(body in self._poison, f"{shown(body)} was given up: {reason}")
        super().put(body, reason, receive_count, **times)
