"""What a job's command finds when it starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import psutil

from .account import BatchAccount, EventQueue, log_lines, wait_for
from .conftest import StartBatch

SHOW = "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.executable, os.listdir('.')]))"


def shown(account: BatchAccount, events: EventQueue, logs: Any, **request: Any) -> list[Any]:
    job_id = account.python(SHOW, **request)
    detail = events.until(job_id, "SUCCEEDED", "FAILED")[-1]["detail"]
    (line,) = log_lines(logs, detail["container"]["logStreamName"])
    return [detail, *json.loads(line)]


def test_the_environment_is_small_and_holds_batchs_variables(
    account: BatchAccount, events: EventQueue, logs: Any
) -> None:
    overrides = {"environment": [{"name": "OVERRIDDEN", "value": "job"}]}
    detail, environment, folder, _, _ = shown(account, events, logs, overrides=overrides)
    assert environment["FROM_SERVER"] == "yes"
    assert environment["OVERRIDDEN"] == "job"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_ECS_EC2"
    assert environment["AWS_BATCH_JOB_ID"] == detail["jobId"]
    assert environment["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert environment["AWS_BATCH_JQ_NAME"] == account.name
    assert environment["AWS_BATCH_CE_NAME"] == account.name
    assert environment["HOME"] == folder
    assert Path(environment["TMPDIR"]).name == "tmp"
    allowed = {"PATH", "LANG", "HOME", "TMPDIR", "FROM_SERVER", "OVERRIDDEN", "AWS_EXECUTION_ENV", "LC_CTYPE"}
    allowed |= {"BATCHWRIGHT_JOB_FOLDER", "AWS_ENDPOINT_URL_BATCH"}
    assert {name for name in environment if not name.startswith("AWS_BATCH_")} <= allowed


def test_python3_is_the_interpreter_of_the_server(account: BatchAccount, events: EventQueue, logs: Any) -> None:
    executable = shown(account, events, logs)[3]
    assert Path(executable).parent == Path(sys.executable).parent


def test_an_image_that_names_a_folder_brings_its_files(
    account: BatchAccount, events: EventQueue, logs: Any, tmp_path: Path
) -> None:
    (tmp_path / "step.py").write_text("print('from the image')", encoding="utf-8")
    (tmp_path / "data").mkdir()
    definition = account.register("with-image", image=f"file://{tmp_path}")
    listed = shown(account, events, logs, jobDefinition=definition)[4]
    assert sorted(listed) == ["data", "step.py"]
    job_id = account.submit("python3", "step.py", jobDefinition=definition)
    detail = events.until(job_id, "SUCCEEDED", "FAILED")[-1]["detail"]
    assert log_lines(logs, detail["container"]["logStreamName"]) == ["from the image"]
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name != "work") == ["data", "step.py"]


def test_any_other_image_is_an_empty_folder(account: BatchAccount, events: EventQueue, logs: Any) -> None:
    assert shown(account, events, logs)[4] == []


def test_an_image_whose_folder_is_missing_cannot_be_pulled(account: BatchAccount) -> None:
    definition = account.register("missing-image", image="file:///no/such/folder")
    job = account.finish(account.submit(jobDefinition=definition))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith("CannotPullContainerError: no folder /no/such/folder")


def test_a_command_that_is_not_there_ends_the_attempt_without_an_exit_code(
    account: BatchAccount, events: EventQueue
) -> None:
    job_id = account.submit("no-such-program")
    told = events.until(job_id, "FAILED")
    assert [event["detail"]["status"] for event in told] == ["RUNNABLE", "STARTING", "FAILED"]
    detail = told[-1]["detail"]
    assert detail["statusReason"] == "Task failed to start"
    assert detail["container"]["reason"].startswith("CannotStartContainerError: ")
    assert "no-such-program" in detail["container"]["reason"]
    assert "exitCode" not in detail["container"]
    assert "startedAt" not in detail
    assert "startedAt" not in detail["attempts"][0]


def test_parameters_are_substituted_in_the_command(account: BatchAccount, events: EventQueue, logs: Any) -> None:
    definition = account.register("with-parameters", parameters={"first": "default", "second": "kept"})
    job_id = account.submit(
        *("echo", "Ref::first", "Ref::second", "Ref::unknown"),
        jobDefinition=definition,
        parameters={"first": "given; not a shell"},
    )
    detail = events.until(job_id, "SUCCEEDED", "FAILED")[-1]["detail"]
    assert log_lines(logs, detail["container"]["logStreamName"]) == ["given; not a shell kept Ref::unknown"]


def test_what_a_process_leaves_behind_ends_with_it(account: BatchAccount, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    source = (
        "import subprocess, pathlib;"
        f"child = subprocess.Popen(['sleep', '600']); pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))"
    )
    assert account.finish(account.python(source))["status"] == "SUCCEEDED"
    pid = int(pid_file.read_text(encoding="utf-8"))
    # It is killed before the job's end is told, and gone once the system came to it.
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, "its end")


def test_a_path_in_an_image_stays_in_the_working_folder(
    account: BatchAccount, events: EventQueue, logs: Any, tmp_path: Path
) -> None:
    """Tools resolve their paths, and refuse what then lies elsewhere."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "step.py").write_text("kept")
    definition = account.register("resolved", image=f"file://{tmp_path}")
    source = (
        "from pathlib import Path\n"
        "print(Path('src/step.py').resolve().relative_to(Path.cwd()))\n"
        "Path('src/step.py').write_text('changed')\n"
        "Path('src/new.py').write_text('new')\n"
    )
    detail = events.until(account.python(source, jobDefinition=definition), "SUCCEEDED", "FAILED")[-1]["detail"]
    assert log_lines(logs, detail["container"]["logStreamName"]) == ["src/step.py"]
    assert [path.name for path in (tmp_path / "src").iterdir()] == ["step.py"]
    assert (tmp_path / "src" / "step.py").read_text() == "kept"


def test_an_image_in_place_is_the_folder_itself(account: BatchAccount, tmp_path: Path) -> None:
    definition = account.register("in-place", image=f"file://{tmp_path}?in-place")
    source = "import os, pathlib; pathlib.Path('made').write_text(os.environ['HOME'])"
    assert account.finish(account.python(source, jobDefinition=definition))["status"] == "SUCCEEDED"
    assert Path((tmp_path / "made").read_text()) != tmp_path


def test_with_in_place_every_image_is_the_folder_itself(start_batch: StartBatch, tmp_path: Path) -> None:
    account = BatchAccount(start_batch("--in-place").endpoint_url)
    definition = account.register("in-place", image=f"file://{tmp_path}")
    account.finish(account.python("open('made', 'w')", jobDefinition=definition))
    assert (tmp_path / "made").exists()


def test_a_job_that_is_terminated_while_its_image_is_copied_never_runs(account: BatchAccount, tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number}.txt").write_text("x")
    ran = tmp_path.parent / f"{tmp_path.name}-ran"
    definition = account.register("many-files", image=f"file://{tmp_path}")
    job_id = account.python(f"open({str(ran)!r}, 'w')", jobDefinition=definition)
    account.reach(job_id, "STARTING", "RUNNING")
    account.batch.terminate_job(jobId=job_id, reason="too late")
    job = account.finish(job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "too late")
    # Where the copy was quicker than the request, the job may have run; then it has an exit code.
    assert "exitCode" in job["container"] or not ran.exists()


FARGATE = {
    "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
    "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
}
IS_FARGATE = 'test "$AWS_EXECUTION_ENV" = AWS_ECS_FARGATE'


def test_a_job_whose_definition_asks_for_fargate_is_told_that_it_runs_there(account: BatchAccount) -> None:
    definition = account.register(f"{account.name}-fargate", container=FARGATE, platformCapabilities=["FARGATE"])
    assert account.finish(account.submit("sh", "-c", IS_FARGATE, jobDefinition=definition))["status"] == "SUCCEEDED"


def test_a_job_in_a_compute_environment_of_fargate_is_told_so(account: BatchAccount) -> None:
    name = f"{account.name}-fargate"
    resources = {"type": "FARGATE", "maxvCpus": 2, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    account.batch.create_compute_environment(computeEnvironmentName=name, type="MANAGED", computeResources=resources)
    order = [{"order": 1, "computeEnvironment": name}]
    account.batch.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order)
    assert account.finish(account.submit("sh", "-c", IS_FARGATE, jobQueue=name))["status"] == "SUCCEEDED"


def test_one_container_runs_as_the_only_one_of_a_task(account: BatchAccount, events: EventQueue, logs: Any) -> None:
    container = {
        "name": "main",
        "image": "any",
        "command": ["false"],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
    }
    name = f"{account.name}-task"
    task = {"containers": [container], "executionRoleArn": "arn:aws:iam::000000000000:role/execution"}
    account.batch.register_job_definition(
        jobDefinitionName=name, type="container", ecsProperties={"taskProperties": [task]}
    )
    assert account.finish(account.submit(jobDefinition=name))["status"] == "FAILED"
    changed = {"name": "main", "command": ["echo", "from a task"]}
    job_id = account.submit(jobDefinition=name, ecsPropertiesOverride={"taskProperties": [{"containers": [changed]}]})
    job = account.finish(job_id)
    (shown,) = job["ecsProperties"]["taskProperties"][0]["containers"]
    (tried,) = job["attempts"][0]["taskProperties"][0]["containers"]
    assert (shown["name"], shown["exitCode"], tried["name"], tried["exitCode"]) == ("main", 0, "main", 0)
    assert shown["command"] == ["echo", "from a task"]
    assert log_lines(logs, tried["logStreamName"]) == ["from a task"]
    event = events.until(job_id, "SUCCEEDED")[-1]["detail"]
    assert event["attempts"][0]["taskProperties"][0]["containers"][0]["logStreamName"] == shown["logStreamName"]
    (definition,) = account.batch.describe_job_definitions(jobDefinitionName=name)["jobDefinitions"]
    assert definition["ecsProperties"]["taskProperties"] == [task]
