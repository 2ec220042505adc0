"""Monitors on the local AWS: a foreign job that fails is told on the topic, and the commands say what is watched."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batchwright.local import home
from batchwright.local.isolation import isolated
from tests.contract import servers
from tests.functional.commands import Terminal, wait_until

# A local AWS of its own for every command: `make e2e`.
pytestmark = pytest.mark.long

FILE = """\
monitors:
  scans:
    names: [scan-of-monitors-*]
    failed: true
"""


class Submits:
    """Submits a job that fails once a second, five times: a function may know what is watched two seconds later."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch
        self._count = 0
        self._next_at = 0.0

    def another(self) -> None:
        if self._count < 5 and time.monotonic() >= self._next_at:
            self._count += 1
            self._next_at = time.monotonic() + 1
            name = f"scan-of-monitors-{self._count}"
            self._batch.submit_job(jobName=name, jobQueue="default", jobDefinition="scan")


@pytest.fixture
def aws(kept: Terminal, kept_home: Path) -> dict[str, str]:
    """The variables of the local AWS that is up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BATCHWRIGHT_HOME", str(kept_home))
        state = home.running()
    assert state is not None
    return isolated({}, state.environment)


@pytest.fixture
def told(aws: dict[str, str]) -> Iterator[Any]:
    """A function that receives what the topic tells from now on."""
    sqs, sns = (servers.client(name, aws["AWS_ENDPOINT_URL"]) for name in ("sqs", "sns"))
    url = sqs.create_queue(QueueName="ears-of-monitors")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    made = sns.subscribe(
        TopicArn=aws["BATCHWRIGHT_TOPIC_ARN"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )
    heard: dict[str, dict[str, Any]] = {}

    def listen() -> dict[str, dict[str, Any]]:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
            document = json.loads(message["Body"])
            heard[document["id"]] = document
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return heard

    yield listen
    sns.unsubscribe(SubscriptionArn=made["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=url)


def test_a_foreign_job_that_fails_is_told_and_the_commands_say_what_is_watched(
    kept: Terminal, aws: dict[str, str], told: Any
) -> None:
    (kept.folder / "monitors.yaml").write_text(FILE)
    pushed = kept.give("monitors", "push", "monitors.yaml")
    assert pushed.returncode == 0
    assert pushed.stderr.startswith("The jobs of runs are not recorded on this stage, so scans will not see these")
    assert "1 monitor pushed as revision " in pushed.stdout
    assert "is that already" in kept.give("monitors", "push", "monitors.yaml").stdout
    assert (
        kept.give("monitors", "show").stdout
        == "monitors:\n  scans:\n    names:\n    - scan-of-monitors-*\n    failed: true\n"
    )
    batch = servers.client("batch", aws["AWS_ENDPOINT_URL_BATCH"])
    batch.register_job_definition(
        jobDefinitionName="scan",
        type="container",
        containerProperties={
            "image": "x",
            "command": ["sh", "-c", "echo no such file; exit 3"],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
        },
    )
    submits = Submits(batch)

    def is_told() -> bool:
        submits.another()
        return any(one["kind"] == "job_failed" for one in told().values())

    wait_until(is_told, "a failure to be told")
    (notice,) = [one for one in told().values() if one["kind"] == "job_failed"][:1]
    assert notice["monitor"] == "scans"
    assert re.fullmatch(r"scans/\d{4}-\d\d-\d\d", notice["thread"])
    assert notice["jobs"][0]["exit_code"] == 3
    tried = kept.give("monitors", "test", "monitors.yaml").stdout
    assert "job_failed" in tried
    assert "job scan-of-monitors-1 failed (application)" in tried
    assert kept.give("monitors", "delete", "--yes").stdout == "1 monitor deleted.\n"
    assert kept.give("monitors", "delete", "--yes").stdout == "There were no monitors.\n"


OWN = """\
monitors:
  mine:
    kinds: [own]
    failed: true
    waiting_longer: {than_seconds: 3600}
    nothing_ran: {by: "06:00"}
"""


def test_a_local_aws_that_records_the_jobs_of_runs_has_monitors_see_them(terminal: Terminal) -> None:
    up = terminal.give("local", "up", "--record-own-jobs")
    assert up.returncode == 0, up
    (terminal.folder / "monitors.yaml").write_text(OWN)
    pushed = terminal.give("monitors", "push", "monitors.yaml")
    assert (pushed.returncode, pushed.stderr) == (0, "")
    failed = terminal.give("run", terminal.workflow("broken", {"only": {"command": ["false"]}}))
    assert failed.returncode == 1, failed

    def tried() -> list[str]:
        return terminal.give("monitors", "test", "monitors.yaml").stdout.splitlines()

    wait_until(lambda: len(tried()) > 2, "the job's record")
    first, said, looked = tried()
    assert first == "mine watches 1 of the 1 recorded job, and would have said 1 thing:"
    assert "failed (application)" in said
    assert looked.endswith("(UTC) on: before, this stage knew of no job")


def test_a_monitor_file_with_mistakes_is_refused_with_their_places(kept: Terminal) -> None:
    (kept.folder / "monitors.yaml").write_text("monitors:\n  a: {faild: true}\n")
    refused = kept.give("monitors", "push", "monitors.yaml")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        "monitors.yaml:2:7: monitor 'a': faild is no key that is known here; did you mean 'failed'?"
    )
    assert "Traceback" not in refused.stderr
