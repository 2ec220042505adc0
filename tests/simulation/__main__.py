"""`python -m tests.simulation`: play seeds, tell how it went, and shrink and keep what fails. `make sim` calls it."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace

from tests.simulation.campaign import play_all
from tests.simulation.faults import LOST_EVENTS
from tests.simulation.foreign import NAME as FOREIGN
from tests.simulation.kept import PATH, Kept, keep
from tests.simulation.play import Played, play
from tests.simulation.scope import Scope
from tests.simulation.shrink import smallest

SHRUNK_AT_MOST = 3
LOST_EVENTS_SHARE = 0.2
FOREIGN_EVERYWHERE = {FOREIGN: 1.0}
"""What is kept of seeds does not tell this, so that none of them is."""


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    shares = {LOST_EVENTS: LOST_EVENTS_SHARE} if given.lose_events else {}
    if given.foreign:
        shares |= FOREIGN_EVERYWHERE
    scope = Scope(shares=shares)
    if given.seed is not None:
        return _tell(play(given.seed, replace(Scope.read(given.scope), shares=shares), is_told=True))
    processes = given.processes or os.cpu_count() or 1
    summary = play_all(given.first, given.seeds, processes, scope, stop_after=given.stop_after)
    print("\n".join(summary.lines()))
    for seed in sorted(summary.failures)[:SHRUNK_AT_MOST]:
        _explain(seed, scope, summary.failures[seed], is_kept=not (given.no_keep or given.foreign))
    if summary.failures:
        print(f"failed: {' '.join(map(str, sorted(summary.failures)))}")
    return 1 if summary.failures else 0


def _tell(played: Played) -> int:
    """Print the whole story of one seed."""
    print(f"seed {played.seed} {played.scope.text()}".rstrip())
    print(played.setting)
    print("\n".join(played.story))
    print(f"FAILED: {played.failure}" if played.failure else f"all is well after {played.steps} steps")
    return 1 if played.failure else 0


def _explain(seed: int, scope: Scope, failure: str, *, is_kept: bool) -> None:
    print(f"\nseed {seed} failed: {failure}\nlooking for the smallest part of it that fails ...", flush=True)
    small = smallest(seed, scope)
    played = play(seed, small, is_told=True)
    _tell(played)
    print(f'once more: python -m tests.simulation --seed {seed} --scope "{small.text()}"')
    if is_kept and keep(Kept(seed, small, " ".join((played.failure or failure).split())[:120])):
        print(f"kept in {PATH.name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20_000, help="how many seeds to play")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="play this one and tell its whole story")
    parser.add_argument("--scope", default="", help="what of the one seed is left out, as in kept_seeds.txt")
    parser.add_argument("--processes", type=int, help="how many processes; one for each core unless told")
    parser.add_argument("--stop-after", type=int, default=5, help="stop once so many seeds have failed")
    parser.add_argument("--no-keep", action="store_true", help="leave kept_seeds.txt alone")
    parser.add_argument("--lose-events", action="store_true", help="let events get lost in some of the seeds")
    parser.add_argument("--foreign", action="store_true", help="let jobs of others, and monitors, live in all worlds")
    return parser


if __name__ == "__main__":
    sys.exit(main())
