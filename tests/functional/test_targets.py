"""The same commands on the local AWS, on a stage that is found by its stack, and over an API with a token."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from batchwright.cli.group import main
from batchwright.cli.target import local_target
from batchwright.local import home
from batchwright.local.isolation import isolated
from chalicelib.api import models as m
from chalicelib.core.tokens import TokenScope
from tests.functional.commands import SHELL, Terminal, wait_until

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long

TARGETS = ("local", "stage", "api")


class Where:
    """Gives commands in this process, to one target."""

    def __init__(self, target: str, folder: Path, variables: Mapping[str, str], options: tuple[str, ...]) -> None:
        self.target = target
        self.folder = folder
        self.options = options
        self._variables = variables

    def give(self, *words: str, code: int = 0, variables: Mapping[str, str] = {}) -> str:
        """What a command printed that must end with that code."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("AWS_", "BATCHWRIGHT_"))]:
                patch.delenv(name)
            for name, value in {**self._variables, **variables}.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(main, [*words, *self.options], prog_name="batchwright")
        assert done.exit_code == code, (words, done.output)
        assert "Traceback" not in done.output
        return done.output

    def json(self, *words: str) -> Any:
        return json.loads(self.give(*words, "--json"))

    def file(self, name: str, tasks: Mapping[str, Any], **more: Any) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({"name": name, "defaults": SHELL, "tasks": tasks, **more}))
        return str(path)


@pytest.fixture(params=TARGETS)
def where(request: pytest.FixtureRequest, kept: Terminal, kept_home: Path, tmp_path: Path) -> Iterator[Where]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BATCHWRIGHT_HOME", str(kept_home))
        state = home.running()
    assert state is not None
    nowhere = {"BATCHWRIGHT_HOME": str(tmp_path / "none")}
    local = Where("local", tmp_path, {"BATCHWRIGHT_HOME": str(kept_home)}, ())
    # What the jobs of all targets need, which are run by the one local Batch.
    local.give("workflows", "push", local.file("needed", {"only": {"command": ["true"]}}))
    if request.param == "local":
        yield local
    elif request.param == "stage":
        aws = {name: value for name, value in isolated({}, state.environment).items() if name.startswith("AWS_")}
        yield Where("stage", tmp_path, {**aws, **nowhere}, ("--stage", "local"))
    else:
        api = local_target(state.environment, lambda: None).api
        made = api.create_token(m.NewToken(name="commands", scope=TokenScope.ADMIN))
        variables = {**nowhere, "BATCHWRIGHT_TOKEN": made.secret}
        yield Where("api", tmp_path, variables, ("--api", state.environment["BATCHWRIGHT_API"]))


def test_a_workflow_is_pushed_started_followed_and_deleted(where: Where) -> None:
    name = f"target-{where.target}"
    tasks = {
        "first": {"command": ["sh", "-c", "echo one; echo two"]},
        "second": {"command": ["sh", "-c", "echo for ${params.who}"], "depends_on": ["first"]},
    }
    params = {"who": {"type": "string", "default": "all"}}
    file = where.file(name, tasks, params=params, description="Say two lines.")
    assert where.give("workflows", "push", file) == (
        f"{name} pushed as version 1; `batchwright start {name}` starts a run of it.\n"
    )
    assert f"{name} is version 1 already" in where.give("workflows", "push", file)
    listed = {one["name"]: one for one in where.json("workflows", "list")}
    assert (listed[name]["version"], listed[name]["tasks"]) == (1, 2)
    assert re.search(rf"^{name} +1 +2 +[\d: -]+ +Say two lines\.$", where.give("workflows", "list"), re.MULTILINE)
    assert where.give("workflows", "show", name).startswith("# version 1, pushed ")

    started = where.give("start", name, "--param", "who=you", "--key", "monday", "--wait")
    match = re.match(rf"Run ({name}-\w+) of {name}, version 1, is running\.\n", started)
    assert match, started
    run_id = match[1]
    assert re.search(rf"^Run {run_id} succeeded after [\d.]+ s: 2 tasks, 2 attempts\.$", started, re.MULTILINE)
    assert where.json("start", name, "--param", "who=you", "--key", "monday")["run_id"] == run_id
    assert "idempotency key 'monday' started run" in where.give("start", name, "--key", "monday", code=2)

    assert [one["run_id"] for one in where.json("runs", "--workflow", name, "--state", "succeeded")] == [run_id]
    assert where.give("runs", "--workflow", name, "--until", "1d") == "No such runs.\n"
    shown = where.json("show", run_id)
    assert (shown["state"], [task["state"] for task in shown["tasks"]]) == ("succeeded", ["succeeded"] * 2)
    assert where.give("logs", run_id, "first") == "one\ntwo\n"
    assert where.give("logs", run_id, "second", "--follow") == "for you\n"
    assert where.give("logs", run_id, "first", "--tail", "1") == "two\n"

    assert where.give("workflows", "delete", name, "--yes") == f"{name} is deleted; its runs stay.\n"
    assert "no workflow" in where.give("start", name, code=2)
    assert where.json("show", run_id)["run_id"] == run_id


@pytest.mark.parametrize("where", ["api"], indirect=True)
def test_a_run_is_paused_resumed_cancelled_and_redriven(where: Where) -> None:
    name = f"control-{where.target}"
    gate = where.folder / "gate"
    wait = {"command": ["sh", "-c", f"until test -e {gate}; do sleep 0.05; done"]}
    file = where.file(name, {"first": wait, "second": {"command": ["true"], "depends_on": ["first"]}})
    where.give("workflows", "push", file)
    run_id = where.json("start", name)["run_id"]
    wait_until(lambda: where.json("show", run_id)["tasks"][0]["state"] == "running", f"the first task of {run_id}")
    paused = where.json("pause", run_id)
    assert (paused["changed"], paused["run"]["state"]) == (True, "paused")
    assert "goes on: 1 job under way, 1 task waits; " in where.give("resume", run_id)
    cancelled = where.give("cancel", run_id, "--reason", "a typo", "--wait")
    assert re.search(rf"^Run {run_id} cancelled after ", cancelled, re.MULTILINE)
    gate.touch()
    redriven = where.give("redrive", run_id, "--wait")
    assert redriven.startswith(f"Run {run_id} goes on in epoch 1, with version 1: 2 tasks run again, 0 keep ")
    assert f"Run {run_id} succeeded in epoch 1 after " in redriven


@pytest.mark.parametrize("where", ["api"], indirect=True)
def test_a_mistake_in_a_name_suggests_the_nearest(where: Where) -> None:
    name = f"named-{where.target}"
    where.give("workflows", "push", where.file(name, {"first": {"command": ["true"]}}))
    run_id = where.json("start", name)["run_id"]
    for words, said in (
        (("start", name[:-1]), f"no workflow '{name[:-1]}' was pushed; did you mean '{name}'?\n"),
        (("show", f"{run_id}0"), f"there is no run '{run_id}0'; did you mean '{run_id}'?\n"),
        (("logs", run_id, "frist"), f"run '{run_id}' has no task 'frist'; did you mean 'first'?\n"),
        (
            ("start", name, "--param", "a=1"),
            "param 'a' is not declared by the workflow; the workflow declares no params\n",
        ),
    ):
        assert where.give(*words, code=2) == said


@pytest.mark.parametrize("where", ["api"], indirect=True)
def test_what_needs_aws_itself_says_so_over_an_api(where: Where) -> None:
    for name, words in (("doctor", ("doctor",)), ("dead-letters", ("dead-letters", "list"))):
        assert where.give(*words, code=2) == (
            f"`batchwright {name}` looks at AWS itself, which an API does not show; name the stage with --stage\n"
        )


@pytest.mark.parametrize("where", ["api"], indirect=True)
def test_a_shell_completes_names_and_ids(where: Where) -> None:
    name = f"completed-{where.target}"
    where.give("workflows", "push", where.file(name, {"first": {"command": ["true"]}}))
    run_id = where.json("start", name)["run_id"]
    for words, completed in (
        ("batchwright start complet", name),
        (f"batchwright show {name}", run_id),
        (f"batchwright logs {run_id} fi", "first"),
    ):
        program, command, *rest = words.split()
        typed = [program, command, *where.options, *rest]
        asked = {"_BATCHWRIGHT_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(typed)}
        said = where.give(variables={**asked, "COMP_CWORD": str(len(typed) - 1)})
        assert f"plain,{completed}" in said.splitlines()
