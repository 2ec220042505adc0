"""Events on the queue: the rule's pattern, and the faults on the way."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.ministack import MiniStack

from .account import BatchAccount, EventQueue, aws_client
from .conftest import StartBatch, new_queue

pytestmark = pytest.mark.long

Seen = Counter[tuple[str, str]]


def run_jobs(start_batch: StartBatch, events: EventQueue, jobs: int, *arguments: str) -> list[dict[str, Any]]:
    """Run `jobs` jobs of fixed names on a server with the given faults; what arrived."""
    server = start_batch("--events-queue-url", events.queue_url, *arguments)
    account = BatchAccount(server.endpoint_url)
    for job_id in [account.submit(name=f"job-{number}") for number in range(jobs)]:
        account.finish(job_id)
    arrived = list(events.receive_until_quiet())
    server.stop()
    return arrived


def seen(arrived: list[dict[str, Any]]) -> Seen:
    return Counter((event["detail"]["jobName"], event["detail"]["status"]) for event in arrived)


def test_only_events_that_match_the_rule_arrive(start_batch: StartBatch, sqs: Any, tmp_path: Path) -> None:
    pattern = {"source": ["aws.batch"], "detail": {"status": ["RUNNING", "SUCCEEDED", "FAILED"]}}
    path = tmp_path / "pattern.json"
    path.write_text(json.dumps(pattern), encoding="utf-8")
    arrived = run_jobs(start_batch, new_queue(sqs, "pattern"), 2, "--event-pattern", str(path))
    assert seen(arrived) == {(f"job-{n}", status): 1 for n in range(2) for status in ("RUNNING", "SUCCEEDED")}


def test_one_seed_repeats_and_loses_the_same_events(start_batch: StartBatch, sqs: Any) -> None:
    faults = ("--drop", "0.3", "--duplicate", "0.3", "--delay", "0.3", "--reorder", "--seed", "5")
    first = seen(run_jobs(start_batch, new_queue(sqs, "faults-first"), 8, *faults))
    again = seen(run_jobs(start_batch, new_queue(sqs, "faults-again"), 8, *faults))
    assert first == again
    told = [first[(f"job-{n}", status)] for n in range(8) for status in ("RUNNABLE", "RUNNING", "SUCCEEDED")]
    assert {0, 1, 2} <= set(told)


def test_a_repeated_event_is_the_same_document(start_batch: StartBatch, sqs: Any) -> None:
    arrived = run_jobs(start_batch, new_queue(sqs, "repeated"), 3, "--duplicate", "1")
    by_id = Counter(event["id"] for event in arrived)
    assert set(by_id.values()) == {2}
    assert len({json.dumps(event) for event in arrived}) == len(by_id)


def test_reordering_lets_a_later_state_arrive_first(start_batch: StartBatch, sqs: Any) -> None:
    arrived = run_jobs(start_batch, new_queue(sqs, "reordered"), 6, "--reorder", "--delay", "0.5", "--seed", "2")
    assert len(arrived) == 24
    orders = [[e["detail"]["status"] for e in arrived if e["detail"]["jobName"] == f"job-{n}"] for n in range(6)]
    assert any(order != ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"] for order in orders)


def rule(events: Any, sqs: Any, name: str, pattern: dict[str, Any], state: str = "ENABLED") -> EventQueue:
    """A rule of EventBridge with a queue of its own as its target."""
    queue = new_queue(sqs, name)
    attributes = sqs.get_queue_attributes(QueueUrl=queue.queue_url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state)
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])
    return queue


def test_a_rule_of_eventbridge_gets_what_its_pattern_lets_through(
    start_batch: StartBatch, sqs: Any, ministack: MiniStack
) -> None:
    events = aws_client("events", ministack.endpoint_url)
    ended = {"source": ["aws.batch"], "detail": {"status": ["SUCCEEDED"], "jobName": [{"prefix": "job-1"}]}}
    wanted = rule(events, sqs, "served-ended", ended)
    others = rule(events, sqs, "served-others", {"source": ["aws.ecs"]})
    asleep = rule(events, sqs, "served-asleep", ended, state="DISABLED")
    own = run_jobs(start_batch, new_queue(sqs, "served-own"), 2, "--serve-rules")
    assert len(own) == 8
    assert seen(list(wanted.receive_until_quiet())) == {("job-1", "SUCCEEDED"): 1}
    assert [list(queue.receive_until_quiet()) for queue in (others, asleep)] == [[], []]


def test_a_rule_whose_target_is_the_stages_own_queue_delivers_nothing_twice(
    start_batch: StartBatch, sqs: Any, ministack: MiniStack
) -> None:
    own = rule(aws_client("events", ministack.endpoint_url), sqs, "served-stage", {"source": ["aws.batch"]})
    arrived = run_jobs(start_batch, own, 1, "--serve-rules")
    assert [event["detail"]["status"] for event in arrived] == ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]


def test_a_rule_that_lost_its_queue_does_not_hold_up_the_stages_own(
    start_batch: StartBatch, sqs: Any, ministack: MiniStack
) -> None:
    gone = rule(aws_client("events", ministack.endpoint_url), sqs, "served-gone", {"source": ["aws.batch"]})
    sqs.delete_queue(QueueUrl=gone.queue_url)
    assert len(run_jobs(start_batch, new_queue(sqs, "served-beside-gone"), 1, "--serve-rules")) == 4
