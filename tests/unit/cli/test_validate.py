from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

Command = Callable[..., Result]
Golden = Callable[[str], str]


def test_a_sound_file_is_called_valid(batchwright: Command) -> None:
    result = batchwright("validate", "diamond.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "diamond.yaml: workflow 'diamond' is valid, 4 tasks\n",
        "",
    )


@pytest.mark.parametrize("name", ["many_mistakes", "schedule_mistakes"])
def test_every_problem_goes_to_stderr_a_line_each_and_the_exit_code_is_2(
    batchwright: Command, golden: Golden, name: str
) -> None:
    result = batchwright("validate", f"{name}.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", golden(f"{name}.txt"))


def test_one_bad_file_does_not_hide_the_others(batchwright: Command) -> None:
    result = batchwright("validate", "nowhere.yaml", "diamond.yaml", ".")
    assert result.exit_code == 2
    assert result.stdout == "diamond.yaml: workflow 'diamond' is valid, 4 tasks\n"
    assert result.stderr == "nowhere.yaml: there is no such file\n.: this is a directory; name a file in it\n"


def test_problems_are_told_to_programs_with_their_places(batchwright: Command) -> None:
    result = batchwright("validate", "--json", "diamond.yaml", "nowhere.yaml")
    nowhere = {"file": "nowhere.yaml", "line": 0, "column": 0, "message": "there is no such file", "suggestion": None}
    assert (result.exit_code, json.loads(result.stdout), result.stderr) == (2, [nowhere], "")
    assert batchwright("validate", "--json", "diamond.yaml").stdout == "[]\n"


def test_no_file_is_a_mistake(batchwright: Command) -> None:
    result = batchwright("validate")
    assert result.exit_code == 2
    assert "Missing argument 'FILE...'" in result.stderr
