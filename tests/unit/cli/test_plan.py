from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Command = Callable[..., Result]
Golden = Callable[[str], str]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ([], "diamond.plan.txt"),
        (["--json"], "diamond.plan.json"),
        (["--dot"], "diamond.plan.dot"),
    ],
)
def test_a_plan_is_printed_as_in_the_golden_file(
    batchwright: Command, golden: Golden, options: list[str], name: str
) -> None:
    result = batchwright("plan", "diamond.yaml", "--param", "parts=12", "--param", 'filters={"a": [1]}', *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == golden(name)


def test_the_dot_output_is_read_by_graphviz(batchwright: Command) -> None:
    dot = batchwright("plan", "diamond.yaml", "--param", "parts=2", "--dot").stdout
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=dot, text=True, check=True, capture_output=True, timeout=60)
    # Without Graphviz: statements of quoted names, attributes in brackets, and nothing else.
    quoted = r'"(?:[^"\\]|\\.)*"'
    attribute = rf"\w+=(?:{quoted}|\w+)"
    statement = rf"(?:rankdir=LR|(?:node|{quoted}) \[{attribute}(?:, {attribute})*\]|{quoted} -> {quoted});"
    assert re.fullmatch(rf"digraph {quoted} \{{\n(?:  {statement}\n)+\}}\n", dot)


def test_what_a_run_could_not_submit_is_told_by_task(batchwright: Command) -> None:
    result = batchwright("plan", "diamond.yaml", "--param", "parts=-1", "--param", "cpus=0.3")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert [line.partition(";")[0] for line in result.stderr.splitlines()] == [
        "task 'split': vcpus must be a whole number, not 0.3 (from '${params.cpus}')",
        "task 'left': vcpus must be a whole number, not 0.3 (from '${params.cpus}')",
        "task 'left': array.size must be 0 or more, not -1 (from '${params.parts}')",
        "task 'join': vcpus must be a whole number, not 0.3 (from '${params.cpus}')",
    ]


def test_json_and_dot_at_once_are_refused(batchwright: Command) -> None:
    result = batchwright("plan", "diamond.yaml", "--json", "--dot")
    assert result.exit_code == 2
    assert "--json and --dot are two forms; take one of them" in result.stderr


def test_a_large_plan_is_shortened_but_its_json_is_not(batchwright: Command, tmp_path: Path) -> None:
    tasks = {
        f"w{wave}-t{n}": {"depends_on": [f"w{wave - 1}-t0"] if wave else []} for wave in range(20) for n in range(40)
    }
    path = tmp_path / "large.json"
    defaults = {"job_definition": "jd", "queue": "q"}
    path.write_text(json.dumps({"name": "large", "defaults": defaults, "tasks": tasks}))
    result = batchwright("plan", path)
    lines = result.stdout.splitlines()
    assert len(lines) < 300
    assert "  and 20 more tasks (20 jobs), w0-t20 to w0-t39" in lines
    assert "and 8 more waves (320 tasks); --json has all of it" in lines
    assert lines[-2].startswith("800 tasks, 800 jobs counting array children")
    document = json.loads(batchwright("plan", path, "--json").stdout)
    assert sum(map(len, document["waves"])) == document["totals"]["tasks"] == 800
