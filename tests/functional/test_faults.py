"""A run whose events come twice, late and out of order ends as it would without that, and submits nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from batchwright.local.isolation import client
from tests.functional.commands import Terminal

TASKS = 20
SEEDS = (1, 2, 3)


def layers() -> dict[str, object]:
    """Twenty tasks in five layers; each depends on two or all of the layer before. One of the last layer fails once."""
    tasks: dict[str, dict[str, object]] = {}
    for index in range(TASKS):
        layer, place = divmod(index, 4)
        before = range(4 * (layer - 1), 4 * layer) if layer else range(0)
        parents = [f"task-{n}" for n in before if place == 0 or n % 4 in (place, place - 1)]
        tasks[f"task-{index}"] = {"command": ["true"], "depends_on": parents}
    tasks["task-17"] = {
        **tasks["task-17"],
        "command": ["sh", "-c", "test ${task.attempt} = 2"],
        "retry": {"attempts": 2},
    }
    return dict(tasks)


@pytest.mark.long
def test_each_task_is_submitted_once_whatever_happens_to_its_events(
    user_variables: Mapping[str, str], tmp_path: Path
) -> None:
    """Three seeds at once, each on a local AWS of its own."""
    begun = []
    for seed in SEEDS:
        folder = tmp_path / f"seed-{seed}"
        folder.mkdir()
        terminal = Terminal(folder, user_variables)
        words = ["--duplicate", "0.5", "--reorder", "--delay", "0.5", "--seed", str(seed)]
        begun.append(
            (terminal, terminal.begin("run", terminal.workflow("layers", layers()), "--json", "--keep", *words))
        )
    try:
        for terminal, command in begun:
            assert command.end() == 0, command.printed
            check(terminal, command.printed)
    finally:
        for terminal, _ in begun:
            terminal.give("local", "down")


def check(terminal: Terminal, printed: str) -> None:
    """Every task succeeded, and Batch knows one job for each attempt."""
    document = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
    assert {task["state"] for task in document["tasks"]} == {"succeeded"}
    assert Counter(task["attempt"] for task in document["tasks"]) == {1: TASKS - 1, 2: 1}
    batch = client("batch", json.loads(terminal.give("local", "env", "--json").stdout))
    filters = [{"name": "JOB_NAME", "values": ["*"]}]
    pages = batch.get_paginator("list_jobs").paginate(jobQueue="default", filters=filters)
    names = [job["jobName"] for page in pages for job in page["jobSummaryList"]]
    assert len(names) == len(set(names)) == TASKS + 1
