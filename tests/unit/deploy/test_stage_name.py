"""No two stages share a name of anything; what would make them is refused with the rule."""

from __future__ import annotations

import itertools
import re

import pytest

from batchwright.deploy.deployment import TEMPLATES, stack_names
from batchwright.deploy.policies import GRANTS, Place
from batchwright.deploy.stage_name import TAKEN_ENDINGS, checked_stage
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.preferences import queue_rule

PLACE = Place("dev", "123456789012", "eu-west-1")
_NAME = re.compile(r"^      \w+Name: !Sub batchwright-\$\{Stage\}-?([\w-]*)$")


def names_by_kind() -> dict[str, set[str]]:
    """What stands behind a stage's name in the names of its things, by their kind."""
    found: dict[str, set[str]] = {
        "function": {PLACE.function_name(name).removeprefix(PLACE.prefix).removeprefix("-") for name in GRANTS},
        "stack": {name.removeprefix(PLACE.prefix).removeprefix("-") for name in stack_names(PLACE).values()},
        "AWS::Events::Rule": {"sweep-event"},
    }
    for template in TEMPLATES:
        kind = ""
        for line in (PROJECT_FOLDER / "infra" / f"{template}.yaml").read_text().splitlines():
            if line.startswith("    Type: "):
                kind = line.removeprefix("    Type: ")
            if named := _NAME.match(line):
                found.setdefault(kind, set()).add(named[1])
    return found


def test_no_thing_of_a_stage_bears_the_name_of_one_of_another_stage() -> None:
    found = names_by_kind()
    assert {"default", "urgent", "ec2-urgent"} <= found["AWS::Batch::JobQueue"]
    for kind, names in found.items():
        for one, other in itertools.permutations(names, 2):
            if one == "" or other.endswith(f"-{one}"):
                ending = other.removesuffix(f"-{one}") if one else other
                assert ending in TAKEN_ENDINGS, f"{kind} {other} of a stage x is {one} of a stage x-{ending}"


@pytest.mark.parametrize("stage", ["dev-start", "dev-sweep", "x-bearer", "dev-batch", "prod-functions", "a-b-ec2"])
def test_a_name_that_is_another_stage_s_thing_s_is_refused(stage: str) -> None:
    with pytest.raises(UserMistake, match=f"--stage {stage}: a stage does not end in -.* which ends in none of "):
        checked_stage(stage)


@pytest.mark.parametrize("stage", ["notices", "notices-x", "notices-"])
def test_a_stage_whose_own_queues_every_run_could_write_to_is_refused(stage: str) -> None:
    """Every stage's functions may send to the queues that runs name, which begin alike."""
    assert queue_rule(f"batchwright-{stage}-commands") is None
    with pytest.raises(UserMistake, match=f"--stage {stage}: .* batchwright-notices-.* choose another name"):
        checked_stage(stage)


@pytest.mark.parametrize("template", [*TEMPLATES, "package-merge"])
@pytest.mark.parametrize("stage", ["dev", "x", "notice", "noticesx", "a" * 16, "notices", "notices-x", "Dev", "a" * 17])
def test_templates_take_the_names_that_a_stage_may_have_and_no_others(template: str, stage: str) -> None:
    text = (PROJECT_FOLDER / "infra" / f"{template}.yaml").read_text()
    [pattern] = set(re.findall(r'AllowedPattern: "(\^\[a-z\].*|\^\(.*)"', text))
    try:
        checked_stage(stage)
    except UserMistake:
        assert not re.fullmatch(pattern, stage)
    else:
        assert re.fullmatch(pattern, stage)


@pytest.mark.parametrize(
    "stage", ["dev", "start", "batch", "dev-starter", "dev-start-2", "restart", "notice", "noticesx"]
)
def test_other_names_are_not(stage: str) -> None:
    assert checked_stage(stage) == stage
