"""Many seeds, on several processes: progress, what failed, and how often each kind of fault happened."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.faults import BY_NAME, FAULTS
from tests.simulation.play import Played, play
from tests.simulation.scope import WHOLE, Scope

AT_A_TIME = 250
_SECONDS_BETWEEN_LINES = 5.0
_WORLDS_BETWEEN_COLLECTIONS = 20


@dataclass(slots=True)
class Summary:
    """What came of the seeds so far. `seeds_with` counts the seeds in which a kind of fault happened."""

    seeds: int = 0
    steps: int = 0
    cpu_seconds: float = 0.0
    fired: Counter[str] = field(default_factory=Counter)
    seeds_with: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, played: Played) -> None:
        self.seeds += 1
        self.steps += played.steps
        self.fired.update(played.fired)
        self.seeds_with.update(played.fired.keys())
        if played.failure:
            self.failures[played.seed] = played.failure

    def merge(self, other: Summary) -> None:
        self.seeds += other.seeds
        self.steps += other.steps
        self.cpu_seconds += other.cpu_seconds
        self.fired.update(other.fired)
        self.seeds_with.update(other.seeds_with)
        self.failures |= other.failures

    def lines(self) -> list[str]:
        """How often each kind of fault happened, those that never did among them."""
        lines = [
            f"{self.seeds:,} schedules, {self.steps:,} steps, {len(self.failures):,} failed",
            f"{1000 * self.cpu_seconds / max(1, self.seeds):.2f} ms of CPU a schedule",
            f"{'':22}{'times':>12}{'schedules':>12}",
        ]
        for name in [*sorted(set(self.fired) - set(BY_NAME)), *(fault.name for fault in FAULTS)]:
            what = BY_NAME[name].what if name in BY_NAME else ""
            lines.append(f"{name:22}{self.fired[name]:>12,}{self.seeds_with[name]:>12,}  {what}")
        return lines


def play_range(first: int, count: int, scope: Scope = WHOLE) -> Summary:
    """Play so many seeds, one after the other."""
    summary = Summary()
    started = time.process_time()
    # Worlds are full of cycles, but small: they are collected between two of them, and not in the middle of one.
    gc.disable()
    try:
        for seed in range(first, first + count):
            summary.add(play(seed, scope))
            if seed % _WORLDS_BETWEEN_COLLECTIONS == 0:
                gc.collect(0)
    finally:
        gc.enable()
    summary.cpu_seconds = time.process_time() - started
    return summary


def play_all(first: int, count: int, processes: int, scope: Scope = WHOLE, *, stop_after: int = 5) -> Summary:
    """Play so many seeds on so many processes and print the progress. Stops early once `stop_after` have failed."""
    summary = Summary()
    started = told = time.monotonic()
    for part in _parts(first, count, processes, scope):
        summary.merge(part)
        for seed, failure in sorted(part.failures.items()):
            print(f"seed {seed} failed: {failure}", flush=True)
        now = time.monotonic()
        if now - told >= _SECONDS_BETWEEN_LINES:
            told = now
            print(_progress(summary, count, now - started), flush=True)
        if len(summary.failures) >= stop_after:
            print(f"stopped after {len(summary.failures)} failures", flush=True)
            break
    return summary


def _parts(first: int, count: int, processes: int, scope: Scope) -> Iterator[Summary]:
    starts = range(first, first + count, AT_A_TIME)
    jobs = [(start, min(AT_A_TIME, first + count - start), scope) for start in starts]
    if processes == 1:
        yield from (play_range(*job) for job in jobs)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap_unordered(_play_range, jobs)


def _play_range(job: tuple[int, int, Scope]) -> Summary:
    return play_range(*job)


def _progress(summary: Summary, count: int, seconds: float) -> str:
    rate = summary.seeds / seconds
    minutes, seconds_left = divmod(round((count - summary.seeds) / rate), 60)
    return (
        f"{summary.seeds:,} of {count:,} schedules, {rate:,.0f} a second, {len(summary.failures)} failed, "
        f"about {minutes} min {seconds_left:02} s left"
    )
