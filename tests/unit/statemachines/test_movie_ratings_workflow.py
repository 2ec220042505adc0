"""The shipped workflow file: sound by the rules every workflow is held to, and in step with its scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.core.definition.check import check_definition
from chalicelib.core.definition.compile import compile_workflow, waves

STATEMACHINES = Path(__file__).parents[3] / "statemachines"


@pytest.fixture(scope="module")
def definition() -> Any:
    return yaml.safe_load((STATEMACHINES / "movie_ratings.yaml").read_text(encoding="utf-8"))


def test_the_workflow_has_no_mistakes(definition: Any) -> None:
    assert check_definition(definition).mistakes == []


def test_the_statistics_run_beside_the_import_and_the_report_comes_last(definition: Any) -> None:
    workflow = check_definition(definition).workflow
    assert workflow is not None
    plan = compile_workflow(workflow)
    names = [{plan.tasks[index].name for index in wave} for wave in waves(plan)]
    assert names == [
        {"split"},
        {"import", "statistics-by-decade", "statistics-by-genre"},
        {"check"},
        {"report"},
    ]


def test_every_script_that_a_task_names_is_there(definition: Any) -> None:
    for task in definition["tasks"].values():
        assert (STATEMACHINES / task["command"][3]).is_file()


def test_every_job_asks_for_what_fargate_has(definition: Any) -> None:
    """1 vCPU takes 2 to 8 GiB: https://docs.aws.amazon.com/batch/latest/APIReference/API_ResourceRequirement.html"""
    assert definition["defaults"]["vcpus"] == 1
    assert definition["defaults"]["memory_mib"] in range(2048, 8193, 1024)
    assert not any({"vcpus", "memory_mib"} & set(task) for task in definition["tasks"].values())
