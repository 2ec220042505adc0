"""`python -m tests.soak [--minutes N] [--seed K] [--database ministack|dynoxide]`: real processes, a real database, and
all the trouble that a laptop can make. Ends with 1 when anything came out otherwise than it must.

Without a database named, half of the time each: a process of its own for each, for a process has one AWS.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from batchwright.local.isolation import enter
from batchwright.terminal.interrupts import raised
from chalicelib.wiring import WallClock, wired
from tests.contract.servers import DYNOXIDE_VARIABLE, dynoxide_binary
from tests.soak.plays import archive, described
from tests.soak.stage import local_aws, put_films
from tests.soak.trouble import Trouble
from tests.soak.verdict import Verdict, event_counts

DATABASES = ("ministack", "dynoxide")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of trouble; the end takes a little more")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database", choices=DATABASES)
    parser.add_argument("--keep", action="store_true", help="keep the logs also when all went well")
    options = parser.parse_args()
    if options.database is not None:
        return soak(options.database, options.minutes, options.seed, keep=options.keep)
    there = [name for name in DATABASES if name != "dynoxide" or dynoxide_binary()]
    if "dynoxide" not in there:
        print(f"dynoxide is not installed ({DYNOXIDE_VARIABLE} names its binary): soaking on MiniStack alone")
    codes = []
    for place, name in enumerate(there):
        minutes, seed = options.minutes / len(there), options.seed + place
        words = [f"--database={name}", f"--minutes={minutes}", f"--seed={seed}", *(["--keep"] if options.keep else [])]
        codes.append(subprocess.run([sys.executable, "-m", "tests.soak", *words]).returncode)
    return max(map(abs, codes))


def soak(database: str, minutes: float, seed: int, *, keep: bool) -> int:
    """One soak; its exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"batchwright-soak-{database}-"))
    begun = time.monotonic()
    print(f"Soaking on {database} for {minutes:g} minutes, seed {seed} ({folder})", flush=True)
    clean = False
    try:
        with (
            raised(),
            local_aws(folder, database, seed) as aws,
            (folder / "story.log").open("w", buffering=1) as story,
        ):
            enter(aws.environment)
            put_films(aws, archive())
            store = wired().world.store
            trouble = Trouble(aws, store, seed, lambda line: print(line, file=story))
            trouble.rage(minutes * 60)
            hanging = trouble.calm_down()
            verdict = Verdict(aws, store, trouble.plays, WallClock())
            verdict.violations += [f"run {play.run_id} hangs: {play.last_seen}" for play in hanging]
            verdict.reach()
            wrong = [play for play in trouble.plays if any(play.run_id in one for one in verdict.violations)]
            documents = [described(play) for play in wrong]
        counts = verdict.counts
        counts.update(trouble.counts)
        counts.update(event_counts(folder))
        _print(counts, time.monotonic() - begun, verdict.violations)
        if documents:
            (folder / "violations.json").write_text(json.dumps(documents, indent=1), encoding="utf-8")
        clean = not verdict.violations
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    finally:
        if clean and not keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"What is known of it is kept in {folder}", flush=True)
    return 0 if clean else 1


def _print(counts: Counter[str], seconds: float, violations: list[str]) -> None:
    print(", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items()))
    print(f"{seconds:.0f} s, {len(violations)} violations")
    for violation in violations:
        print(f"  {violation}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
