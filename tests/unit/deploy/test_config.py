"""The stage's values in .chalice/config.json: written once, told from what people added, and taken out again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchwright.deploy.config import SHIPPED_STAGE, STAGE_VARIABLE, ChaliceConfig
from batchwright.deploy.policies import GRANTS, Place, functions_of
from batchwright.stage.foundation import VARIABLE_NAMES
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.core.notice.webhook_address import read_webhook_place

PLACE = Place("prod", "123456789012", "eu-west-1")
VARIABLES = {"BATCHWRIGHT_TABLE": "batchwright-prod"}


def others(config: ChaliceConfig) -> dict[str, Any]:
    """The entries of all stages but the shipped one."""
    return {stage: entry for stage, entry in config.read()["stages"].items() if stage != SHIPPED_STAGE}


@pytest.fixture
def config(tmp_path: Path) -> ChaliceConfig:
    shutil.copy(PROJECT_FOLDER / ".chalice" / "config.json", tmp_path)
    return ChaliceConfig(tmp_path)


def test_the_committed_stage_is_what_a_deployment_of_it_writes(tmp_path: Path) -> None:
    committed = PROJECT_FOLDER / ".chalice"
    shutil.copy(committed / "config.json", tmp_path)
    shutil.copytree(committed / "policies", tmp_path / "policies")
    place = Place(SHIPPED_STAGE, "123456789012", "eu-west-1")
    usual = dict.fromkeys(VARIABLE_NAMES)
    changed = ChaliceConfig(tmp_path).put_stage(place, functions_of(place), {**usual, STAGE_VARIABLE: SHIPPED_STAGE})
    assert not changed, "the committed stage is not what policies.py says: run `python -m batchwright.deploy.config`"
    config = json.loads((committed / "config.json").read_text())
    assert config["autogen_policy"] is False
    assert list(config["stages"]) == [SHIPPED_STAGE]
    assert sorted(path.stem for path in (committed / "policies" / SHIPPED_STAGE).iterdir()) == sorted(
        functions_of(place)
    )


def test_what_is_written_of_a_stage_names_neither_account_nor_region(config: ChaliceConfig) -> None:
    assert config.put_stage(PLACE, GRANTS, VARIABLES)
    stage = config.read()["stages"]["prod"]
    assert stage["environment_variables"] == VARIABLES
    for name in GRANTS:
        text = (config.folder / stage["lambda_functions"][name]["iam_policy_file"]).read_text()
        assert "batchwright-prod" in text
        assert PLACE.account not in text and PLACE.region not in text


def test_writing_the_same_twice_changes_nothing(config: ChaliceConfig) -> None:
    config.put_stage(PLACE, GRANTS, VARIABLES)
    assert not config.put_stage(PLACE, GRANTS, VARIABLES)
    assert config.put_stage(PLACE, GRANTS, {"BATCHWRIGHT_TABLE": "another"})


def test_what_people_add_to_a_stage_stays(config: ChaliceConfig) -> None:
    config.put_stage(PLACE, GRANTS, VARIABLES)
    document = config.read()
    document["stages"]["prod"]["environment_variables"]["BATCHWRIGHT_SUBMIT_RATE"] = "20"
    document["stages"]["prod"]["lambda_functions"]["sweep"]["lambda_memory_size"] = 1024
    config.path.write_text(json.dumps(document))
    config.put_stage(PLACE, GRANTS, VARIABLES)
    stage = config.read()["stages"]["prod"]
    assert stage["environment_variables"]["BATCHWRIGHT_SUBMIT_RATE"] == "20"
    assert stage["lambda_functions"]["sweep"]["lambda_memory_size"] == 1024
    config.remove_stage("prod", VARIABLES)
    assert others(config) == {
        "prod": {
            "environment_variables": {"BATCHWRIGHT_SUBMIT_RATE": "20"},
            "lambda_functions": {"sweep": {"lambda_memory_size": 1024}},
        }
    }


def test_a_removed_stage_leaves_the_folder_as_it_was(config: ChaliceConfig) -> None:
    before = config.path.read_text()
    config.put_stage(PLACE, GRANTS, VARIABLES)
    assert config.remove_stage("prod", VARIABLES) == ["the values of the stage in config.json", "its policy files"]
    assert config.path.read_text() == before
    assert [path.name for path in config.folder.iterdir()] == ["config.json"]
    assert config.remove_stage("prod", VARIABLES) == []


def test_stages_do_not_touch_each_other(config: ChaliceConfig) -> None:
    config.put_stage(PLACE, GRANTS, VARIABLES)
    config.put_stage(Place("test", "123456789012", "eu-west-1"), GRANTS, VARIABLES)
    config.remove_stage("prod", VARIABLES)
    assert list(others(config)) == ["test"]
    assert [path.name for path in (config.folder / "policies").iterdir()] == ["test"]


def test_removing_the_shipped_stage_leaves_it_as_it_was_shipped(config: ChaliceConfig) -> None:
    shutil.copytree(PROJECT_FOLDER / ".chalice" / "policies", config.folder / "policies")
    before = {path: path.read_text() for path in config.folder.rglob("*.json")}
    assert config.remove_stage(SHIPPED_STAGE, VARIABLES) == []
    with_slack = replace(PLACE, stage=SHIPPED_STAGE, slack_webhook=read_webhook_place("secret:slack"))
    config.put_stage(with_slack, functions_of(with_slack), {**VARIABLES, STAGE_VARIABLE: SHIPPED_STAGE}, xray=True)
    assert config.remove_stage(SHIPPED_STAGE, VARIABLES) == ["what was set for the stage in config.json"]
    assert {path: path.read_text() for path in config.folder.rglob("*.json")} == before


def test_a_function_that_a_stage_has_no_more_is_taken_out(config: ChaliceConfig) -> None:
    config.put_stage(PLACE, functions_of(PLACE), VARIABLES)
    before = config.path.read_text()
    config.put_stage(PLACE, GRANTS, VARIABLES)
    assert "on_notices" in config.read()["stages"]["prod"]["lambda_functions"]
    assert config.put_stage(PLACE, functions_of(PLACE), VARIABLES)
    assert config.path.read_text() == before


def test_a_variable_that_a_stage_has_no_more_is_taken_out(config: ChaliceConfig) -> None:
    config.put_stage(PLACE, GRANTS, {**VARIABLES, "BATCHWRIGHT_SLACK_WEBHOOK": "secret:slack"})
    assert config.put_stage(PLACE, GRANTS, {**VARIABLES, "BATCHWRIGHT_SLACK_WEBHOOK": None})
    variables = config.read()["stages"][PLACE.stage]["environment_variables"]
    assert variables == VARIABLES


def test_tracing_is_a_setting_of_the_stage_and_a_right_of_each_function_and_goes_as_it_came(
    config: ChaliceConfig,
) -> None:
    before = config.path.read_text()
    config.put_stage(PLACE, GRANTS, VARIABLES)
    assert not config.is_traced("prod")
    untraced = (config.path.read_text(), (config.policy_folder("prod") / "sweep.json").read_text())
    assert "xray" not in "".join(untraced)
    assert config.put_stage(PLACE, GRANTS, VARIABLES, xray=True)
    assert config.is_traced("prod")
    for name in GRANTS:
        *_, trace = json.loads((config.policy_folder("prod") / f"{name}.json").read_text())["Statement"]
        assert trace["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        assert trace["Resource"] == ["*"]
    assert config.put_stage(PLACE, GRANTS, VARIABLES)
    assert (config.path.read_text(), (config.policy_folder("prod") / "sweep.json").read_text()) == untraced
    config.put_stage(PLACE, GRANTS, VARIABLES, xray=True)
    config.remove_stage("prod", VARIABLES)
    assert config.path.read_text() == before


def test_a_reservation_that_somebody_wrote_stays(config: ChaliceConfig) -> None:
    config.put_stage(PLACE, GRANTS, VARIABLES)
    document = config.read()
    document["stages"]["prod"]["lambda_functions"]["bearer"]["reserved_concurrency"] = 25
    config.path.write_text(json.dumps(document))
    config.put_stage(PLACE, GRANTS, VARIABLES)
    assert config.read()["stages"]["prod"]["lambda_functions"]["bearer"]["reserved_concurrency"] == 25
