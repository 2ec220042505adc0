from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from batchwright.files import workflow_file
from chalicelib.core.schedule.model import read_moment_ms

Command = Callable[..., Result]
Golden = Callable[[str], str]


def test_a_sound_file_is_called_valid(batchwright: Command) -> None:
    result = batchwright("validate", "sound.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "sound.yaml: workflow 'sound' is valid, 2 tasks\n",
        "",
    )


@pytest.mark.parametrize("name", ["many_mistakes", "schedule_mistakes"])
def test_every_problem_goes_to_stderr_a_line_each_and_the_exit_code_is_2(
    batchwright: Command, golden: Golden, name: str
) -> None:
    result = batchwright("validate", f"{name}.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", golden(f"{name}.txt"))


def test_one_bad_file_does_not_hide_the_others(batchwright: Command) -> None:
    result = batchwright("validate", "nowhere.yaml", "sound.yaml", ".")
    assert result.exit_code == 2
    assert result.stdout == "sound.yaml: workflow 'sound' is valid, 2 tasks\n"
    assert result.stderr == "nowhere.yaml: there is no such file\n.: this is a directory; name a file in it\n"


def test_problems_are_told_to_programs_with_their_places(batchwright: Command) -> None:
    result = batchwright("validate", "--json", "sound.yaml", "nowhere.yaml")
    nowhere = {"file": "nowhere.yaml", "line": 0, "column": 0, "message": "there is no such file", "suggestion": None}
    nowhere["severity"] = "error"
    assert (result.exit_code, json.loads(result.stdout), result.stderr) == (2, [nowhere], "")
    assert batchwright("validate", "--json", "sound.yaml").stdout == "[]\n"


def test_no_file_is_a_mistake(batchwright: Command) -> None:
    result = batchwright("validate")
    assert result.exit_code == 2
    assert "Missing argument 'FILE...'" in result.stderr


LOST_RESULT = """\
name: samples
defaults: {job_definition: j, queue: q}
tasks:
  s1: {allow_failure: true}
  joint: {depends_on: [s1]}
"""


def test_a_warning_says_where_an_allowed_failure_fails_the_run_and_the_file_stays_valid(
    batchwright: Command, tmp_path: Path
) -> None:
    file = tmp_path / "samples.yaml"
    file.write_text(LOST_RESULT)
    result = batchwright("validate", str(file))
    assert (result.exit_code, result.stdout) == (0, f"{file}: workflow 'samples' is valid, 2 tasks\n")
    assert result.stderr == (
        f"{file}:5:11: warning: task 'joint': depends_on names 's1', which may fail, and by trigger_rule all_success "
        "this task would not run then and would fail the run; trigger_rule all_done runs it anyway, allow_failure lets "
        "the run succeed without it\n"
    )
    [told] = json.loads(batchwright("validate", "--json", str(file)).stdout)
    assert (told["severity"], told["line"]) == ("warning", 5)


def test_a_warning_tells_the_next_day_on_which_clocks_skip_a_schedule(
    batchwright: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow_file, "now_ms", lambda: read_moment_ms("2026-11-30T12:00Z"))
    file = tmp_path / "nightly.yaml"
    task = "tasks: {a: {job_definition: j, queue: q}}\n"
    file.write_text(f"name: nightly\n{task}schedules:\n  s: {{cron: 30 2 * * ? *, time_zone: Europe/Berlin}}\n")
    result = batchwright("validate", str(file))
    assert (result.exit_code, result.stdout) == (0, f"{file}: workflow 'nightly' is valid, 1 task\n")
    place = f"{file}:4:13: warning: schedule 's': 02:30"
    assert result.stderr.splitlines() == [
        f"{place} does not exist on 2027-03-28, when clocks in Europe/Berlin go forward from 02:00 to 03:00, and no "
        "run starts; choose a time outside of 02:00 to 03:00, or time_zone UTC",
        f"{place} comes twice on 2027-10-31, when clocks in Europe/Berlin go back from 03:00 to 02:00, and a run "
        "starts once; choose a time outside of 02:00 to 03:00, or time_zone UTC",
    ]
