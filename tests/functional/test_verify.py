"""`batchwright verify` on a local AWS: what it finds there, and that it leaves nothing, however it ends."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batchwright.cli.target import local_target
from batchwright.cli.verify import _verified, here_of, wish_of
from batchwright.local.queues import definition_for
from batchwright.stage.project import PROJECT_FOLDER
from batchwright.verify.events_file import read
from batchwright.verify.jobs import scheduled_workflow
from batchwright.verify.made import Made, earlier_stamps
from batchwright.verify.observed import NOT_YET, Fired, JobKind, Saw, Unseen
from batchwright.verify.runs_watched import Acting, RunToCancel
from batchwright.verify.steps import NoSteps
from batchwright.verify.verdict import Verdict
from tests.functional.commands import Terminal, wait_until

# Each call takes ten seconds and more: `make e2e`.
pytestmark = pytest.mark.long

NOT_HERE = {"partial-responses", "recursion", "concurrency", "policies"}
"""What only Lambda and IAM can answer."""


@pytest.fixture
def environment(kept: Terminal) -> dict[str, str]:
    variables: dict[str, str] = json.loads(kept.give("local", "env", "--json").stdout)
    return variables


@pytest.fixture
def rows_before(environment: dict[str, str]) -> Iterator[set[str]]:
    """The keys of the table's rows, which must be the same afterwards."""
    before = rows(environment)
    yield before
    assert {row for row in rows(environment) - before if "verify-" in row} == set()


def rows(environment: dict[str, str]) -> set[str]:
    here = here_of(local_target(environment, lambda: None))
    pages = here.aws.wired.clients.dynamodb.get_paginator("scan").paginate(TableName=here.table)
    return {json.dumps(item, default=str) for page in pages for item in page["Items"]}


def what_is_left(environment: dict[str, str]) -> list[str]:
    here = here_of(local_target(environment, lambda: None))
    return earlier_stamps(here)


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["verdict"] for one in document["assumptions"]}


def test_a_local_aws_does_what_is_assumed_of_aws(
    kept: Terminal, environment: dict[str, str], rows_before: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    done = kept.give("verify", "--json", "--keep-events", str(path))
    assert (done.returncode, done.stderr) == (0, ""), done
    document = json.loads(done.stdout)
    found = verdicts(document)
    assert {key for key, verdict in found.items() if verdict == Verdict.NOT_HERE} == NOT_HERE, document
    assert {key for key, verdict in found.items() if verdict == Verdict.NOT_SEEN} <= {"duplicates"}, document
    assert Verdict.BROKEN not in found.values(), document
    saved = read(path)
    assert len(saved.received) == document["events"]
    assert {job.kind for job in saved.submitted} == set(JobKind)
    assert what_is_left(environment) == []


def test_an_interrupted_call_removes_what_it_made(
    kept: Terminal, environment: dict[str, str], rows_before: set[str]
) -> None:
    begun = kept.begin("verify")
    begun.wait_for("jobs: ")
    begun.signal(signal.SIGINT)
    assert begun.end() == 130, begun.printed
    assert "clean-up: removing rule" in begun.printed
    assert what_is_left(environment) == []
    here = here_of(local_target(environment, lambda: None))
    sqs, events = here.client("sqs"), here.client("events")
    assert sqs.list_queues(QueueNamePrefix=here.watch_prefix).get("QueueUrls", []) == []
    assert events.list_rules(NamePrefix=here.watch_prefix)["Rules"] == []


def test_a_killed_call_is_cleaned_up_by_the_next_one(
    kept: Terminal, environment: dict[str, str], rows_before: set[str]
) -> None:
    begun = kept.begin("verify")
    begun.wait_for("jobs: ")
    begun.signal(signal.SIGKILL)
    begun.end()
    [stamp] = what_is_left(environment)
    done = kept.give("verify")
    assert done.returncode == 0, done
    assert f"before: removing what a call of {stamp} left" in done.stdout
    here = here_of(local_target(environment, lambda: None))
    assert Made(here, stamp, "default").left() == []
    assert what_is_left(environment) == []


@pytest.mark.parametrize("option", ["--queue", "--job-definition"])
def test_what_cannot_be_submitted_is_told_in_a_sentence_and_leaves_nothing(
    kept: Terminal, environment: dict[str, str], rows_before: set[str], option: str
) -> None:
    # Other tests of the same local AWS may have made queues.
    described = here_of(local_target(environment, lambda: None)).client("batch").describe_job_queues()
    queues = ", ".join(sorted(queue["jobQueueName"] for queue in described["jobQueues"]))
    sentence = {
        "--queue": f"--queue: there is no job queue 'not-there' in us-east-1; there are {queues}\n",
        "--job-definition": "--job-definition: there is no active job definition 'not-there' in us-east-1\n",
    }[option]
    done = kept.give("verify", option, "not-there")
    assert (done.returncode, done.stderr) == (2, sentence)
    assert what_is_left(environment) == []


def test_a_schedule_that_never_fires_is_told_and_its_workflow_is_cancelled_all_the_same(
    environment: dict[str, str], rows_before: set[str]
) -> None:
    here = here_of(local_target(environment, lambda: None))
    stamp, now_ms = "20200101-000000", int(time.time() * 1000)
    due_ms = (now_ms // 1000 + 3600) * 1000
    made = Made(here, stamp, "default")
    document = scheduled_workflow(stamp, "default", definition_for(environment, "shell", Path("/")), due_ms)
    try:
        here.api.put_workflow(document["name"], document)
        acting = Acting(here.api, here.api, [])
        late = RunToCancel(here, acting, stamp, due_ms, lambda: due_ms + 121_000)
        assert late.step().endswith("was started by hand")
        assert late.schedule == Saw(Fired(due_ms, None))
        late.give_up(900)
        assert isinstance(late.cancel, Unseen)
        late.cancel = NOT_YET
        wait_until(lambda: late.step() and late.is_over, "the end of the cancelled run")
        assert isinstance(late.cancel, Saw)
        assert late.cancel.value.state == "cancelled"
    finally:
        assert made.remove() == []
    assert [one for one in made.left() if "job definition" not in one] == []


def test_an_api_alone_is_not_enough(kept: Terminal) -> None:
    done = kept.give("verify", "--api", "https://example.invalid/api", BATCHWRIGHT_TOKEN=f"bw_{'0' * 16}_{'0' * 64}")
    assert done.returncode == 2
    assert "looks at AWS itself" in done.stderr


def test_the_page_names_every_permission_that_a_call_uses_here(environment: dict[str, str]) -> None:
    """What only a stage is asked (Lambda, logs of functions, the bucket) is not seen here."""
    used: set[str] = set()
    target = local_target(environment, lambda: None)
    here = here_of(target)

    def note(model: Any, **_: Any) -> None:
        service = {"eventbridge": "events"}.get(
            model.service_model.service_id.lower(), model.service_model.signing_name
        )
        used.add(f"{service}:{model.name}")

    clients = here.aws.wired.clients
    for made in (clients.dynamodb, clients.sqs, clients.sns, clients.batch, clients.batch_submit):
        made.meta.events.register("before-call", note)
    for service in ("sqs", "events", "sns", "batch", "scheduler", "logs"):
        here.client(service).meta.events.register("before-call", note)
    _verified(here, wish_of(here, None, None, 120), NoSteps())
    # DeleteMessageBatch is asked for by the right to DeleteMessage; the local AWS alone needs a definition.
    named = {"sqs:DeleteMessageBatch": "sqs:DeleteMessage"}
    local = {"batch:RegisterJobDefinition", "batch:DeregisterJobDefinition"}
    page = (PROJECT_FOLDER / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
    assert len(used) > 15, used
    assert {one for one in used - local if f"`{named.get(one, one)}`" not in page} == set()
