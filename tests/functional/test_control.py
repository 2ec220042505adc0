"""What a person asks of a run from another terminal: pause, resume, cancel, redrive, watch, show, runs."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchwright.cli.group import main
from tests.functional.commands import Terminal, wait_until

pytestmark = pytest.mark.long

GATE = 'until test -e "$GATE"; do sleep 0.05; done'
"""What a job does that ends when the test opens its gate."""


class Desk:
    """Gives commands in this process, which takes a tenth of the time of one of its own; on the kept local AWS."""

    def __init__(self, kept: Terminal) -> None:
        self.terminal = kept
        self.gate = kept.folder / "gate"

    def give(self, *words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    def said(self, *words: str, code: int = 0) -> str:
        """What a command printed that must end with that code."""
        done = self.give(*words)
        assert done.exit_code == code, (words, done.output)
        assert "Traceback" not in done.output
        return done.output

    def started(self, name: str, tasks: dict[str, Any]) -> str:
        """Start a run of a workflow of these tasks, and leave it to itself; its id."""
        file = self.terminal.folder / self.terminal.workflow(name, tasks)
        run_id: str = json.loads(self.said("run", str(file), "--detach", "--json"))["run_id"]
        return run_id

    def shown(self, run_id: str, *words: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.said("show", run_id, "--json", *words))
        return document

    def states(self, run_id: str) -> dict[str, str]:
        return {task["name"]: task["state"] for task in self.shown(run_id)["tasks"]}

    def wait_for(self, run_id: str, **states: str) -> None:
        wait_until(lambda: states.items() <= self.states(run_id).items(), f"{states} of {run_id}")

    def shell(self, script: str, *parents: str) -> dict[str, Any]:
        environment = {"GATE": str(self.gate)}
        return {"command": ["sh", "-c", script], "environment": environment, "depends_on": list(parents)}


@pytest.fixture
def desk(kept: Terminal, kept_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    before = dict(os.environ)
    monkeypatch.setenv("BATCHWRIGHT_HOME", str(kept_home))
    # None of these leads a command away from the local AWS.
    os.environ.update({name: value for name, value in kept.variables.items() if name.startswith("AWS_")})
    yield Desk(kept)
    os.environ.clear()
    os.environ.update(before)


def test_a_paused_run_starts_nothing_more_until_it_is_resumed(desk: Desk) -> None:
    run_id = desk.started("pauses", {"first": desk.shell(GATE), "second": desk.shell("true", "first")})
    desk.wait_for(run_id, first="running")
    assert desk.said("pause", run_id) == (
        f"Run {run_id} is paused: 1 job under way goes on, 1 task waits; `batchwright resume {run_id}` lets it go on.\n"
    )
    assert "is paused already: " in desk.said("pause", run_id)
    desk.gate.touch()
    desk.wait_for(run_id, first="succeeded")
    assert (desk.shown(run_id)["state"], desk.states(run_id)["second"]) == ("paused", "waiting")
    resumed = desk.said("resume", run_id, "--wait")
    # What it counts may have started meanwhile, or even ended.
    assert re.match(rf"Run {run_id} goes on: (\d|no) jobs? under way, \d tasks? waits?; ", resumed)
    assert re.search(rf"^Run {run_id} succeeded after [\d.]+ s: 2 tasks, 2 attempts\.$", resumed, re.MULTILINE)
    assert desk.said("pause", run_id, code=2) == f"run '{run_id}' has ended (succeeded), and cannot be paused\n"
    assert "has ended already, it succeeded; there is nothing to cancel" in desk.said("cancel", run_id, code=2)


def test_a_run_is_cancelled_from_another_terminal(desk: Desk) -> None:
    run_id = desk.started("cancels", {"first": desk.shell(GATE), "second": desk.shell("true", "first")})
    desk.wait_for(run_id, first="running")
    assert desk.said("resume", run_id).startswith(f"Run {run_id} goes on already: 1 job under way, 1 task waits; ")
    assert "is running; only a run that has ended can be redriven" in desk.said("redrive", run_id, code=2)
    cancelled = desk.said("cancel", run_id, "--reason", "a typo", "--wait")
    assert cancelled.startswith(f"Run {run_id} is ")
    assert re.search(rf"^Run {run_id} cancelled after ", cancelled, re.MULTILINE)
    assert desk.shown(run_id)["tasks"][0]["attempts"][0]["reason"] == "a typo"
    assert desk.said("cancel", run_id) == f"Run {run_id} is cancelled.\n"


def test_a_redrive_keeps_what_succeeded_and_the_old_attempts_stay_visible(desk: Desk) -> None:
    tasks = {
        "good": desk.shell("echo kept"),
        "bad": desk.shell(f"test -e {desk.gate}", "good"),
        "after": desk.shell("true", "bad"),
    }
    run_id = desk.started("again", tasks)
    assert "Run again-" in desk.said("watch", run_id, code=1)
    assert desk.said("logs", run_id, "bad") == "Task bad wrote nothing.\n"
    assert desk.said("logs", run_id, "after") == "Task after never had a job, because bad failed.\n"
    before = desk.shown(run_id)
    desk.gate.touch()
    redriven = desk.said("redrive", run_id, "--wait")
    assert redriven.startswith(
        f"Run {run_id} goes on in epoch 1, with version 1: 2 tasks run again, 1 keeps its ending; "
    )
    assert "good succeeded (kept from epoch 0, after " in redriven
    assert re.search(r"^. good +succeeded +[\d.]+ s  kept from epoch 0$", redriven, re.MULTILINE)
    assert re.search(
        rf"^Run {run_id} succeeded in epoch 1 after [\d.]+ s: 3 tasks, 2 attempts\.$", redriven, re.MULTILINE
    )
    after = desk.shown(run_id)
    assert after["tasks"][0] == before["tasks"][0] | {"kept": True}
    assert [past["state"] for past in after["past"]] == ["failed"]
    old = desk.shown(run_id, "--epoch", "0")
    assert (old["tasks"], old["state"], old["past"]) == (before["tasks"], "failed", [])
    assert desk.said("show", run_id, "--epoch", "2", code=2) == f"run '{run_id}' is in epoch 1; it has no epoch 2\n"
    assert "there is nothing to run again" in desk.said("redrive", run_id, code=2)
    assert desk.said("redrive", run_id, "--task", "aftre", code=2) == (
        "workflow 'again' has no task 'aftre'; did you mean 'after'?\n"
    )
    assert "1 task runs again, 2 keep their ending" in desk.said("redrive", run_id, "--task", "after", "--wait")


def test_a_redrive_goes_on_with_a_corrected_file(desk: Desk) -> None:
    tasks = {"good": desk.shell("true"), "bad": desk.shell("exit 3", "good")}
    run_id = desk.started("corrected", tasks)
    desk.said("watch", run_id, code=1)
    folder = desk.terminal.folder
    other = folder / desk.terminal.workflow("other", tasks)
    assert "describes workflow 'other', and run " in desk.said("redrive", run_id, "--file", str(other), code=2)
    changed = {"good": desk.shell("sleep 0"), "bad": desk.shell("true", "good")}
    file = folder / desk.terminal.workflow("corrected", changed)
    refused = desk.said("redrive", run_id, "--file", str(file), code=2)
    assert refused.startswith("the endings of 'good' would be kept, but the other version of the workflow defines them")
    file = folder / desk.terminal.workflow("corrected", {**tasks, "bad": desk.shell("true", "good")})
    assert ", with version 3: 1 task runs again, 1 keeps its ending; " in desk.said(
        "redrive", run_id, "--file", str(file)
    )
    desk.said("watch", run_id)
    assert desk.shown(run_id)["version"] == 3
    assert "was pushed" in desk.said("redrive", run_id, "--version", "9", code=2)
    assert "with version 2: 2 tasks run again, 0 keep" in desk.said(
        "redrive", run_id, "--all", "--version", "2", "--wait"
    )


def test_who_stops_watching_leaves_the_run_alone(desk: Desk) -> None:
    run_id = desk.started("watched", {"only": desk.shell(GATE)})
    watching = desk.terminal.begin("watch", run_id)
    watching.wait_for("only running")
    watching.signal(signal.SIGINT)
    assert watching.end() == 130
    assert f"No more watching. Run {run_id} goes on, it is running.\n" in watching.printed
    assert desk.shown(run_id)["state"] == "running"
    assert f"Run {run_id} is running; 0 of 1 task ended so far." in desk.said("show", run_id)
    desk.gate.touch()
    assert " succeeded after " in desk.said("watch", run_id)


def test_a_run_is_shown_as_a_tree_and_as_a_chart_of_its_time(desk: Desk) -> None:
    many = {**desk.shell("true", "first"), "array": {"size": 3}}
    run_id = desk.started("drawn", {"first": desk.shell("true"), "many": many, "last": desk.shell(GATE, "many")})
    desk.wait_for(run_id, last="running")
    head, *tree = desk.said("show", run_id).splitlines()
    assert head.startswith("Version 1 of drawn, started ")
    assert [re.split(r"  +", line.strip(" └─"))[:2] for line in tree[:3]] == [
        ["✓ first", "succeeded"],
        ["✓ many [3]", "succeeded"],
        ["● last", "running"],
    ]
    chart = desk.said("show", run_id, "--timeline").splitlines()[1:]
    assert chart[0].endswith("now")
    assert [line.split()[1] for line in chart[2:5]] == ["first", "many", "last"]
    assert "first → many → last." in " ".join(chart)
    desk.gate.touch()
    desk.said("watch", run_id)
    assert re.search(
        r"^The longest chain took .*: first → many → last\.$", desk.said("show", run_id, "--timeline"), re.M
    )


def test_runs_are_listed_newest_first_with_their_states(desk: Desk) -> None:
    ids = [desk.started(name, {"only": desk.shell("true")}) for name in ("listed", "listed", "listed-too")]
    for run_id in ids:
        desk.said("watch", run_id)
    listed = json.loads(desk.said("runs", "--workflow", "listed", "--json"))
    assert [(one["run_id"], one["state"]) for one in listed] == [(ids[1], "succeeded"), (ids[0], "succeeded")]
    assert [one["run_id"] for one in json.loads(desk.said("runs", "--json", "--limit", "2"))] == [ids[2], ids[1]]
    table = desk.said("runs").splitlines()
    assert table[0].split()[:4] == ["run", "workflow", "state", "started"]
    assert table[1].split()[:3] == [ids[2], "listed-too", "succeeded"]
    assert "did you mean 'listed'?" in desk.said("runs", "--workflow", "lisetd", code=2)
    assert desk.said("show", ids[2][:-1]) == desk.said("show", ids[2]) == desk.said("show", "latest")
    assert f"; did you mean '{ids[2]}'?\n" in desk.said("show", f"{ids[2]}0", code=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["redrive", "x", "--all", "--task", "a"], "--from-failed, --task and --all are three ways"),
        (["redrive", "x", "--version", "2", "--file", "w.yaml"], "--version and --file both name a version"),
        (["redrive", "x", "--file", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["show", "no-such-run"], "there is no run 'no-such-run'"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], said: str, desk: Desk) -> None:
    printed = desk.said(*words, code=2)
    assert printed.startswith(said)
    assert len(printed.splitlines()) == 1


def test_without_any_aws_each_command_says_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BATCHWRIGHT_HOME", str(tmp_path / "none"))
    give: Callable[..., Result] = CliRunner().invoke
    for name in ("watch", "show", "cancel", "pause", "resume", "redrive"):
        done = give(main, [name, "some-run"])
        looked = f"in {tmp_path / 'none'} (BATCHWRIGHT_HOME)"
        assert (done.exit_code, done.stderr.split(":")[0]) == (
            2,
            f"no local AWS is up {looked}, and neither a stage nor an API is named",
        )
    file = terminal.folder / terminal.workflow("detached", {"only": {"command": ["true"]}})
    done = give(main, ["run", str(file), "--detach"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"--detach: no local AWS is up {looked} that the run could go on in; start one ")


def test_a_redrive_gives_a_param_another_value(desk: Desk) -> None:
    tasks = {"good": desk.shell("true"), "bad": desk.shell("test ${params.n} = 2", "good")}
    file = desk.terminal.folder / desk.terminal.workflow("valued", tasks)
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "params": {"n": {"type": "integer", "default": 1}}}))
    run_id = json.loads(desk.said("run", str(file), "--detach", "--json"))["run_id"]
    desk.said("watch", run_id, code=1)
    assert "param 'm' is not declared" in desk.said("redrive", run_id, "--param", "m=2", code=2)
    redriven = desk.said("redrive", run_id, "--param", "n=2", "--wait")
    assert "1 task runs again, 1 keeps its ending" in redriven
    assert "runs again what did not succeed, and what follows it, with n=2\n" in redriven
    assert (desk.shown(run_id)["params"], desk.shown(run_id, "--epoch", "0")["params"]) == ({"n": 2}, {"n": 1})


def test_a_queue_whose_name_only_a_run_knows_is_there_when_its_job_needs_it(desk: Desk) -> None:
    tasks = {
        "work": {**desk.shell("true"), "queue": "${params.where}-${task.attempt}"},
        "again": {
            **desk.shell("exit 3"),
            "queue": "${params.where}",
            "retry": {"on": {"application": {"attempts": 2, "queue": "${params.where}-after-${run.id}"}}},
        },
    }
    file = desk.terminal.folder / desk.terminal.workflow("somewhere", tasks)
    params = {"where": {"type": "string", "required": True}}
    file.write_text(json.dumps({**json.loads(file.read_text()), "params": params}))
    desk.said("workflows", "push", str(file))
    run = json.loads(desk.said("start", "somewhere", "--param", "where=lab", "--wait", "--json", code=1))
    work, again = run["tasks"]
    assert (work["state"], again["state"], again["attempt"]) == ("succeeded", "failed", 2)
    assert {one["failure"] for one in again["attempts"]} == {"application"}
