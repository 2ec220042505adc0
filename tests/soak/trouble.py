"""The minutes of a soak: runs are started, workers are killed, and somebody pauses, cancels and redrives.

Owns when what happens; all of it is drawn from one seed, though not the moment at which it takes effect.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable
from random import Random

from batchwright.local.functions import Functions
from batchwright.local.stack import LocalAws
from chalicelib.api import models as m
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.run.records import Run
from chalicelib.core.states import RunState
from chalicelib.ports.store import Store
from chalicelib.wiring import wired
from tests.soak.plays import Play, start_chance, start_movie

TICK_SECONDS = 0.1
CHANCES_AT_ONCE = 6
KILL_EVERY_SECONDS = (0.7, 5.0)
OPERATE_EVERY_SECONDS = (0.5, 2.0)
CALM_SECONDS = 240.0


class Trouble:
    """One soak on one local AWS."""

    def __init__(self, aws: LocalAws, store: Store, seed: int, say: Callable[[str], None]) -> None:
        self.plays: list[Play] = []
        self.counts: Counter[str] = Counter()
        self._aws = aws
        self._store = store
        self._functions = Functions()
        self._rng = Random(seed)
        self._say = say
        self._begun = time.monotonic()
        self._drawn = 0

    def rage(self, seconds: float) -> None:
        """Start runs for so long, in all the trouble there is."""
        until = time.monotonic() + seconds
        kill_at = operate_at = time.monotonic() + 1.0
        while time.monotonic() < until:
            self._look()
            begun = self._start_what_is_missing()
            now = time.monotonic()
            if begun and self._rng.random() < 0.6:
                kill_at = min(kill_at, now + self._rng.uniform(0, 0.5))  # while it is busy
            if now >= kill_at:
                self._kill()
                kill_at = now + self._rng.uniform(*KILL_EVERY_SECONDS)
            if now >= operate_at:
                self._operate()
                operate_at = now + self._rng.uniform(*OPERATE_EVERY_SECONDS)
            time.sleep(TICK_SECONDS)

    def calm_down(self) -> list[Play]:
        """No more kills: wait until everything has ended and was looked at for the last time. Returns what did not."""
        until = time.monotonic() + CALM_SECONDS
        while time.monotonic() < until:
            self._look()
            for play in self.plays:
                if play.last_seen and play.last_seen.state is RunState.PAUSED:
                    self._ask(play, "resume", {})
            if all(_is_over(play.last_seen) for play in self.plays):
                return []
            time.sleep(5 * TICK_SECONDS)
        return [play for play in self.plays if not _is_over(play.last_seen)]

    def _look(self) -> None:
        for play in self.plays:
            if not _is_over(play.last_seen):
                play.last_seen = self._store.run(play.run_id)

    def _start_what_is_missing(self) -> bool:
        going_on = [play for play in self.plays if play.last_seen is None or not play.last_seen.state.ended]
        movies = sum(play.films is not None for play in going_on)
        if movies and len(going_on) - movies >= CHANCES_AT_ONCE:
            return False
        self._drawn += 1
        # Its own dice, so that a seed draws the same plans whatever the moments.
        start, rng = (start_chance if movies else start_movie), Random(f"{self._rng.random()}")
        play = start(self._aws, self._store, self._functions, rng, self._drawn)
        play.last_seen = self._store.run(play.run_id)
        self.plays.append(play)
        self._tell(play, "started")
        return True

    def _kill(self) -> None:
        pid = self._aws.kill_worker(self._rng.randrange(16))
        self.counts["kills"] += 1
        self._say(f"{self._seconds():7.2f} killed worker {pid}")

    def _operate(self) -> None:
        """Pause, resume, cancel or redrive one of the random runs."""
        chosen = [play for play in self.plays if play.films is None and play.last_seen is not None]
        if not chosen:
            return
        play = self._rng.choice(chosen[-3 * CHANCES_AT_ONCE :])
        run = play.last_seen = self._store.run(play.run_id)
        assert run is not None, "nobody deletes runs"
        match run.state:
            case RunState.PAUSED:
                self._ask(play, self._rng.choice(["resume", "resume", "resume", "cancel"]), {})
            case RunState.RUNNING:
                self._ask(play, self._rng.choice(["pause", "pause", "pause", "cancel"]), {})
            case RunState.CANCELLED:
                self._ask(play, "redrive", {"scope": "from_failed"})
            case RunState.SUCCEEDED | RunState.FAILED if run.epoch < 3 and self._rng.random() < 0.5:
                scope = self._rng.choice(["from_failed", "all", "tasks"])
                names = [self._rng.choice(play.plan.tasks).name]
                self._ask(play, "redrive", {"scope": scope, **({"tasks": names} if scope == "tasks" else {})})

    def _ask(self, play: Play, what: str, more: dict[str, object]) -> None:
        assert play.last_seen is not None, "it was looked at"
        if what == "cancel":
            play.cancels.add(play.last_seen.epoch)
        try:
            self._act(play.run_id, what, more)
        except (UserMistake, TryAgain) as refused:
            # It ended meanwhile, or there is nothing to run again.
            self._tell(play, f"{what} {more or ''} refused: {refused}")
            return
        self.counts[what] += 1
        self._tell(play, f"{what} {more or ''}")
        play.last_seen = self._store.run(play.run_id)

    def _act(self, run_id: str, what: str, more: dict[str, object]) -> None:
        """Each time in the name of an invocation of its own."""
        api = wired().api(str(uuid.uuid4()))
        match what:
            case "cancel":
                api.cancel(run_id, m.Cancel(reason="somebody cancelled it"))
            case "redrive":
                api.redrive(run_id, m.Redrive.model_validate(more))
            case _:
                getattr(api, what)(run_id)

    def _tell(self, play: Play, what: str) -> None:
        line = f"{self._seconds():7.2f} {what}"
        play.story.append(line)
        self._say(f"{line} ({play.run_id})")

    def _seconds(self) -> float:
        return time.monotonic() - self._begun


def _is_over(run: Run | None) -> bool:
    """Whether a run has ended and nobody will look at it again."""
    return run is not None and run.state.ended and run.sweep_at_ms is None
