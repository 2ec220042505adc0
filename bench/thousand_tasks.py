"""A run of 1,000 tasks with random fan-in on the local AWS, from its start to its success.

`python -m bench.thousand_tasks [--tasks N] [--seed K]` prints how long it took beside the same number of `true`
processes started one after another by Python, which is what the work itself costs.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

MOST_PARENTS = 8


def workflow(tasks: int, seed: int) -> dict[str, Any]:
    """A workflow of `tasks` tasks, each after 0 to 8 random earlier ones."""
    chance = random.Random(seed)
    names = [f"task-{index:05d}" for index in range(tasks)]
    return {
        "name": "thousand-tasks",
        "defaults": {"job_definition": "bench", "queue": "default", "command": ["true"]},
        "tasks": {
            name: {"depends_on": chance.sample(names[:index], chance.randint(0, min(index, MOST_PARENTS)))}
            for index, name in enumerate(names)
        },
    }


def run(document: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Run the workflow with the CLI as a user would; its seconds from created to ended, and the run as it ended."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workflow.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        command = [sys.executable, "-m", "batchwright", "run", str(path), "--json"]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    ended = json.loads(answer.stdout)
    return (ended["ended_at_ms"] - ended["created_at_ms"]) / 1000, ended


def baseline(tasks: int) -> float:
    """Seconds that as many processes of `true` take, one after another."""
    begun = time.perf_counter()
    for _ in range(tasks):
        subprocess.run(["true"], check=True)
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    document = workflow(options.tasks, options.seed)
    edges = sum(len(task["depends_on"]) for task in document["tasks"].values())
    seconds, ended = run(document)
    bare = baseline(options.tasks)
    states = dict(Counter(task["state"] for task in ended["tasks"]))
    print(f"{options.tasks} tasks, {edges} edges, seed {options.seed}: run {ended['state']}, tasks {states}")
    print(f"{seconds:.1f} s, {options.tasks / seconds:.1f} tasks a second; {seconds / bare:.1f} times as long as")
    print(f"the same processes started one after another ({bare:.1f} s)")
    return 0 if ended["state"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
