"""A queue of runs' own that is not there: said by push, start and deploy; a local AWS makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from batchwright.deploy.account import Account
from batchwright.deploy.deployment import push_workflows
from batchwright.local.isolation import LocalSession, client
from batchwright.subscriptions.run_queues import trouble_with
from tests.functional.commands import SHELL, Terminal
from tests.functional.notices.conftest import Stage

# A local AWS and a MiniStack of their own: `make e2e`.
pytestmark = pytest.mark.long

OWN = "batchwright-notices-own"
OTHER = "batchwright-notices-other"
ONLY = {"only": {"command": ["true"]}}


@pytest.fixture
def workflow(tmp_path: Path) -> Callable[[str], str]:
    def written(queue: str) -> str:
        document = {"name": "told", "defaults": SHELL, "notify": {"queue": queue}, "tasks": ONLY}
        (tmp_path / "told.json").write_text(json.dumps(document))
        return str(tmp_path / "told.json")

    return written


def test_push_start_and_deploy_say_that_the_queue_is_not_there(
    stage: Stage, command: Callable[..., Result], workflow: Callable[[str], str]
) -> None:
    file = workflow(OWN)
    missing = f"There is no SQS queue {OWN} in us-east-1, and what its run tells it is lost; make it with "
    pushed = command("workflows", "push", file)
    assert (pushed.exit_code, pushed.stderr) == (
        0,
        f"told: notify.queue: {missing}`aws sqs create-queue --queue-name {OWN}`.\n",
    )
    said: list[str] = []
    push_workflows(Account(LocalSession(stage.environment)), Path(file).parent, stage.environment, said.append)
    assert said[1].startswith(f"  notify.queue: {missing}")

    started = command("start", "told", "--json")
    assert started.exit_code == 0, started.output
    assert f"{json.loads(started.stdout)['run_id']}: {missing}" in started.stderr
    started = command("start", "told", "--notify-queue", OTHER)
    assert (started.exit_code, f"There is no SQS queue {OTHER} in" in started.stderr) == (0, True)
    assert OWN not in started.stderr

    stage.client("sqs").create_queue(QueueName=OWN)
    assert command("workflows", "push", file).stderr == ""
    started = command("start", "told")
    assert (started.exit_code, "There is no SQS queue" in started.stderr) == (0, False)


def test_a_local_aws_makes_the_queue_and_it_hears_of_the_run(kept: Terminal) -> None:
    environment = json.loads(kept.give("local", "env", "--json").stdout)
    sqs = client("sqs", environment)

    def told(queue: str) -> set[str]:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found: set[str] = set()
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found |= {json.loads(one["Body"])["kind"] for one in messages}
            for one in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return found

    file = kept.workflow("locally", ONLY, notify={"queue": f"{OWN}-run"})
    done = kept.give("run", file)
    assert (done.returncode, "there is no queue" in done.stdout + done.stderr) == (0, False)
    assert told(f"{OWN}-run") == {"run_started", "run_succeeded"}
    done = kept.give("start", "locally", "--notify-queue", f"{OWN}-start", "--wait")
    assert (done.returncode, done.stderr) == (0, "")
    assert told(f"{OWN}-start") == {"run_started", "run_succeeded"}


def test_what_was_not_to_be_learned_is_said_and_stops_nothing(stage: Stage) -> None:
    class Forbidden:
        meta = stage.client("sqs").meta

        def get_queue_url(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetQueueUrl")

    assert trouble_with(Forbidden(), OWN) == (
        f"Whether the SQS queue {OWN} is there was not to be learned: GetQueueUrl says AccessDenied."
    )
