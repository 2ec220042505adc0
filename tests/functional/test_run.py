"""`batchwright run`: exit codes, what it prints, and what it runs on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from batchwright.cli.group import main
from tests.functional.commands import Terminal, Trap, alive, wait_until

TRUE = {"command": ["true"]}


def shell(script: str, **more: object) -> dict[str, object]:
    return {"command": ["sh", "-c", script], **more}


def test_a_run_that_succeeds_prints_each_change_and_ends_with_0(terminal: Terminal) -> None:
    file = terminal.workflow("good", {"first": TRUE, "second": {**TRUE, "depends_on": ["first"]}})
    done = terminal.give("run", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^good  run good-\w+  2 tasks$", done.stdout, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d first succeeded", done.stdout, re.MULTILINE)
    assert re.search(r"^Run good-\w+ succeeded after [\d.]+ s: 2 tasks, 2 attempts\.$", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout
    assert list((terminal.folder / "temporary").iterdir()) == []


def test_a_failed_task_shows_its_reason_exit_code_and_last_20_lines(kept: Terminal) -> None:
    script = "for line in $(seq 30); do echo \"line $line of [bold]it[/] $(printf '=%.0s' $(seq 120))\"; done; exit 3"
    done = kept.give("run", kept.workflow("bad", {"fails": shell(script)}))
    assert done.returncode == 1
    assert (
        "\n   application: exit code 3: Essential container in task exited\n\nfails failed\nlast 20 log lines:\n"
        in done.stdout
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("  line")]
    assert lines == [f"  line {number} of [bold]it[/] {'=' * 120}" for number in range(11, 31)]
    assert "\n\n\n" not in done.stdout
    assert done.stdout.endswith(" 1 task, 1 attempt.\n")


def test_a_failed_array_shows_the_last_lines_of_its_first_failed_children(kept: Terminal) -> None:
    script = 'echo "I am $AWS_BATCH_JOB_ARRAY_INDEX"; test $AWS_BATCH_JOB_ARRAY_INDEX -lt 2 || exit 7'
    done = kept.give("run", kept.workflow("array", {"many": shell(script, array={"size": 4})}))
    assert done.returncode == 1
    why = "application: exit code 7: Essential container in task exited"
    assert f"\n   dependency: Array Child Job failed\n   child 2: {why}\n" in done.stdout
    for index in (2, 3):
        assert f"child {index}: {why}; last 1 log line:\n  I am {index}\n" in done.stdout
    assert re.search(r"^. many \[4\] +failed +\d+\.\d s  2 of 4 children failed$", done.stdout, re.MULTILINE), (
        done.stdout
    )


def test_an_array_whose_program_is_not_there_says_so_as_a_single_job_does(kept: Terminal) -> None:
    tasks = {"many": {**shell(""), "command": ["no-such-program"], "array": {"size": 2}}}
    done = kept.give("run", kept.workflow("no-program", tasks))
    reason = re.search(r"^child 0: (.*); it wrote no log$", done.stdout, re.MULTILINE)
    assert reason is not None and '"no-such-program": executable file not found' in reason[1], done.stdout
    assert reason[1].startswith("misconfigured: ") and "attempt 1 failed" not in done.stdout, "another try is the same"
    run_id = re.search(r"^Run (\S+) .*failed", done.stdout, re.MULTILINE)
    assert run_id is not None
    log = kept.give("logs", run_id[1], "many", "--child", "1")
    assert f"because its job never started: {reason[1]}" in log.stderr


def test_a_retry_is_told_with_the_failure_that_led_to_it(kept: Terminal) -> None:
    script = "test ${task.attempt} = 2"
    tasks = {"flaky": shell(script, retry={"attempts": 2}), "never": {**TRUE, "depends_on": ["flaky"]}}
    done = kept.give("run", kept.workflow("retry", tasks))
    assert done.returncode == 0
    assert re.search(r"flaky failed \(attempt 1 of 2, after [\d.]+ s, application: exit code 1: Essential", done.stdout)
    assert "attempt 0" not in done.stdout
    assert done.stdout.endswith(" 2 tasks, 3 attempts, 1 of them failed and retried.\n")


@pytest.mark.parametrize(("script", "code", "state"), [("exit 0", 0, "succeeded"), ("exit 9", 1, "failed")])
def test_json_is_one_document_and_nothing_else(script: str, code: int, state: str, kept: Terminal) -> None:
    done = kept.give("run", kept.workflow("document", {"only": shell(script)}), "--json")
    assert (done.returncode, done.stderr) == (code, "")
    document = json.loads(done.stdout)
    assert (document["state"], document["tasks"][0]["state"]) == (state, state)
    assert document["tasks"][0]["attempts"][0]["exit_code"] == (9 if code else 0)


def test_the_document_of_a_failed_array_names_its_first_failed_children(kept: Terminal) -> None:
    script = "test $AWS_BATCH_JOB_ARRAY_INDEX != 2 || exit 7"
    done = kept.give("run", kept.workflow("array-document", {"many": shell(script, array={"size": 4})}), "--json")
    (many,) = json.loads(done.stdout)["tasks"]
    assert many["children_failed"] == 1
    assert [(child["index"], child["exit_code"]) for child in many["failed_children"]] == [(2, 7)]


def test_the_children_of_an_array_have_names(kept: Terminal) -> None:
    script = 'echo "I am $AWS_BATCH_JOB_ARRAY_INDEX"; test $AWS_BATCH_JOB_ARRAY_INDEX != 1 || exit 7'
    done = kept.give("run", kept.workflow("regions", {"load": shell(script, array={"labels": ["north", "south"]})}))
    assert done.returncode == 1
    assert "child 1 (south): application: exit code 7: Essential" in done.stdout
    run_id = re.search(r"^Run (\S+) .*failed", done.stdout, re.MULTILINE)
    assert run_id is not None
    assert kept.give("logs", run_id[1], "load", "--child", "north").stdout == "I am 0\n"
    assert kept.give("logs", run_id[1], "load", "--child", "1").stdout == "I am 1\n"
    unknown = kept.give("logs", run_id[1], "load", "--child", "nort")
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "--child: task 'load' has no child 'nort'; did you mean 'north'?\n",
    )


def test_a_run_that_may_fail_in_part_says_so_where_it_did(kept: Terminal) -> None:
    done = kept.give("run", kept.workflow("may-fail", {"bad": shell("exit 5", allow_failure=True)}))
    assert done.returncode == 0
    assert re.search(r"^\S+ bad failed \(may fail, after ", done.stdout, re.MULTILINE)
    assert re.search(r"^. bad +failed +[\d.]+ s  may fail$", done.stdout, re.MULTILINE), done.stdout
    assert "\nbad failed (may fail)\n" in done.stdout


def test_what_a_script_reads_of_a_detached_run_is_its_id_alone(kept: Terminal) -> None:
    done = kept.give("run", kept.workflow("detached", {"only": TRUE}), "--detach")
    assert re.fullmatch(r"detached-\w+\n", done.stdout), done.stdout
    run_id = done.stdout.strip()
    for what in ("watch", "pause", "cancel"):
        assert f"  batchwright {what} {run_id}\n" in done.stderr
    started = kept.give("start", "detached")
    assert re.fullmatch(r"detached-\w+\n", started.stdout), started.stdout
    assert started.stderr == (
        f"Run {started.stdout.strip()} of detached, version 1, is running.\n"
        f"  batchwright watch {started.stdout.strip()}\n"
    )
    assert kept.give("watch", run_id).returncode == kept.give("watch", started.stdout.strip()).returncode == 0


def test_bad_input_ends_with_2_before_anything_is_started_and_tells_every_problem(terminal: Terminal) -> None:
    file = terminal.workflow(
        "wrong", {"one": {**TRUE, "depends_on": ["two"]}, "three": {**TRUE, "timeout_seconds": 1, "colour": "red"}}
    )
    done = terminal.give("run", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert len([line for line in done.stderr.splitlines() if line.startswith("wrong.json:1:")]) == 3
    assert sorted(path.name for path in terminal.folder.iterdir()) == ["temporary", "wrong.json"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--param", "count=many", "--param", "other=1"], ["count", "other"]),
        (["--put", "nothing"], ["--put nothing"]),
        (["--put", "key=missing.txt"], ["missing.txt"]),
        (["--params-file", "missing.yaml"], ["missing.yaml"]),
        (["--duplicate", "2"], ["--duplicate"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["nowhere.yaml"], ["nowhere.yaml"]),
    ],
)
def test_wrong_options_end_with_2_and_are_named(
    words: list[str],
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    params = {"count": {"type": "integer", "default": 1}}
    file = Terminal(tmp_path, {}).workflow("options", {"only": TRUE}, params=params)
    with pytest.raises(SystemExit) as ended:
        main(["run", *(words if words[0].endswith(".yaml") else [file, *words])])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert all(name in printed.err for name in said), printed.err


def test_a_task_that_fits_nowhere_is_told_instead_of_waiting_for_ever(kept: Terminal) -> None:
    done = kept.give("run", kept.workflow("big", {"huge": {**TRUE, "vcpus": 100_000}}))
    assert done.returncode == 2
    assert re.fullmatch(
        r"task 'huge' wants 100000 vCPUs, and the local AWS has \d+; start it with --vcpus=100000\n", done.stderr
    )


def test_a_file_to_put_that_cannot_be_read_is_named(terminal: Terminal) -> None:
    done = terminal.give("run", terminal.workflow("good", {"first": TRUE}), "--put", "key=nowhere.zip")
    assert (done.returncode, done.stderr) == (
        2,
        "--put key=nowhere.zip: 'nowhere.zip' cannot be read: No such file or directory\n",
    )


def test_two_runs_of_one_name_in_two_folders_run_their_own_files(kept: Terminal) -> None:
    """Both use the job definition `shell` and the workflow name `twin`, on one local AWS."""
    begun = []
    for name in ("left", "right"):
        folder = kept.folder / name
        folder.mkdir()
        (folder / "who.txt").write_text(name)
        there = Terminal(folder, kept.variables)
        slow = shell("sleep 1; cat who.txt; exit 1", depends_on=["first"])
        begun.append((name, there.begin("run", there.workflow("twin", {"first": shell("cat who.txt"), "then": slow}))))
    for name, command in begun:
        assert command.end() == 1
        assert f"last 1 log line:\n  {name}\n" in command.printed, command.printed


def test_two_runs_with_a_local_aws_each_do_not_disturb_each_other(terminal: Terminal) -> None:
    file = terminal.workflow("alone", {"only": shell("sleep 0.5")})
    commands = [terminal.begin("run", file) for _ in range(2)]
    assert [command.end() for command in commands] == [0, 0]


def test_a_file_is_run_from_any_folder(kept: Terminal) -> None:
    kept.workflow("elsewhere", {"only": shell("cat beside.txt && exit 1")})
    (kept.folder / "beside.txt").write_text("found")
    # Modules of these names must not be taken for ours.
    other = kept.folder / "other"
    other.mkdir()
    for name in ("app.py", "batchwright.py", "chalicelib.py", "json.py"):
        (other / name).write_text("raise SystemExit('the wrong module')")
    done = kept.give("run", "../elsewhere.json", folder=other)
    assert "\n  found\n" in done.stdout, done


@pytest.mark.long
def test_kept_it_stays_up_and_the_next_run_uses_it(terminal: Terminal) -> None:
    file = terminal.workflow("keeps", {"only": TRUE})
    first = terminal.give("run", file, "--keep")
    assert first.returncode == 0
    assert "`batchwright local down` stops it." in first.stdout
    status = json.loads(terminal.give("local", "status", "--json").stdout)
    assert terminal.give("run", file).returncode == 0
    assert json.loads(terminal.give("local", "status", "--json").stdout) == status
    refused = terminal.give("run", file, "--duplicate", "0.5")
    assert refused.returncode == 2
    assert "--duplicate=0.5: a local AWS is up already" in refused.stderr
    assert terminal.give("local", "down").stdout == "Stopped.\n"
    assert list((terminal.folder / "temporary").iterdir()) == []


def test_a_lost_ending_is_found_by_the_sweep_before_anybody_is_alarmed(terminal: Terminal) -> None:
    done = terminal.give("run", terminal.workflow("lossy", {"only": TRUE}), "--drop", "1")
    assert done.returncode == 0, done
    assert "no event has told" not in done.stdout
    assert re.search(r"^Run lossy-\w+ succeeded after ", done.stdout, re.MULTILINE)


def test_a_local_aws_that_breaks_ends_the_run_with_a_sentence(terminal: Terminal) -> None:
    command = terminal.begin("run", terminal.workflow("broken", {"only": shell("sleep 60")}))
    command.wait_for("only running")
    family = command.family()
    (worker,) = [process for process in family if "batchwright.local.worker" in process.cmdline()]
    worker.kill()
    assert command.end() == 1
    assert f"the local AWS broke: its worker process ({worker.pid}) was killed by SIGKILL on " in command.printed
    assert "Traceback" not in command.printed
    wait_until(lambda: not alive(family), "all its processes to end")


def test_nothing_of_all_this_went_to_another_aws(trap: Trap) -> None:
    """The last test of this file: every command was given with variables that lead elsewhere."""
    assert trap.caught == []
