"""What `notices subscribe` looks at before it believes an address, and whom `notices test` reaches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from batchwright.cli import target
from batchwright.subscriptions.queue_access import lets_send, statement
from tests.functional.commands import SHELL
from tests.functional.notices.conftest import Queue, Stage

# A MiniStack of its own: `make e2e`.
pytestmark = [pytest.mark.long, pytest.mark.usefixtures("nobody_stays_subscribed")]

Give = Callable[..., Result]


@pytest.fixture
def is_local(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands take the stage for a local AWS."""
    monkeypatch.setattr(target, "find_target", lambda _: target.local_target(stage.environment, lambda: None))


def policy_of(stage: Stage, queue: Queue) -> str | None:
    found = stage.client("sqs").get_queue_attributes(QueueUrl=queue.url, AttributeNames=["Policy"])
    return found.get("Attributes", {}).get("Policy") or None


def set_policy(stage: Stage, queue: Queue, *statements: dict[str, Any]) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if statements else ""
    stage.client("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})


def refused(given: Result) -> str:
    assert given.exit_code == 2, given.output
    return given.stderr


def test_a_queue_that_is_not_there_is_refused_and_the_nearest_named(give: Give, queue: Queue) -> None:
    gone = queue.arn[:-1]
    name = queue.arn.rpartition(":")[2]
    assert refused(give("subscribe", gone)) == (
        f"there is no SQS queue '{name[:-1]}' in us-east-1; did you mean '{name}'?\n"
    )
    elsewhere = queue.arn.replace("us-east-1", "eu-west-1")
    assert "there is no SQS queue" in refused(give("subscribe", elsewhere))
    assert json.loads(give("list", "--json").stdout) == []


def test_a_local_aws_has_one_region_and_one_account(is_local: None, give: Give, queue: Queue) -> None:
    assert refused(give("subscribe", queue.arn.replace("us-east-1", "eu-west-1"))).endswith(
        ": the local AWS has no region but us-east-1, and no account but 000000000000\n"
    )


def test_the_queue_of_another_account_is_subscribed_with_a_note(give: Give, queue: Queue) -> None:
    theirs = queue.arn.replace(":000000000000:", ":111122223333:")
    given = give("subscribe", theirs)
    assert given.exit_code == 0, given.output
    assert given.stderr.startswith("The queue is account 111122223333's: whether it is there, and lets the topic send,")
    assert "cannot be looked at" in refused(give("subscribe", theirs, "--allow"))


def test_names_that_nobody_knows_are_noted(give: Give, command: Give, queue: Queue, tmp_path: Path) -> None:
    file = tmp_path / "etl.json"
    file.write_text(json.dumps({"name": "etl", "defaults": SHELL, "tasks": {"only": {"command": ["true"]}}}))
    assert command("workflows", "push", str(file)).exit_code == 0
    given = give("subscribe", queue.arn, "--workflow", "etll", "--workflow", "etl")
    assert (given.exit_code, given.stderr) == (0, "No workflow 'etll' was pushed; did you mean 'etl'?\n")
    given = give("subscribe", queue.arn, "--monitor", "nightly", "--queue", "gpu")
    assert given.exit_code == 0
    assert given.stderr.splitlines()[0] == "No monitor 'nightly' was pushed, so far."
    assert "gpu" in given.stderr.splitlines()[1]


def test_kinds_that_a_filter_never_lets_through_are_refused_or_noted(give: Give, queue: Queue) -> None:
    never = refused(give("subscribe", queue.arn, "--kind", "run_failed", "--severity", "info"))
    assert (
        never == "--kind run_failed --severity info: no notice is like this; run_failed is always of severity error\n"
    )
    given = give("subscribe", queue.arn, "--kind", "run_failed", "--kind", "run_late", "--severity", "error")
    assert (given.exit_code, given.stderr) == (
        0,
        "It never hears of run_late: run_late is always of severity warning.\n",
    )


def test_a_queue_whose_policy_is_shut_is_told_the_statement(stage: Stage, give: Give, queue: Queue) -> None:
    set_policy(stage, queue)
    given = give("subscribe", queue.arn)
    first, _, printed = given.stderr.partition("\n")
    assert first == (
        "The queue's own policy does not let the topic send to it. Give the command again with --allow to add this:"
    )
    assert json.loads(printed) == statement(queue.arn, stage.topic_arn)
    assert policy_of(stage, queue) is None


def test_allow_adds_the_statement_and_leaves_all_others(stage: Stage, give: Give, queue: Queue) -> None:
    theirs = {**statement(queue.arn, "arn:aws:sns:us-east-1:000000000000:other"), "Sid": "theirs"}
    set_policy(stage, queue, theirs)
    given = give("subscribe", queue.arn, "--raw", "--allow")
    assert (given.exit_code, given.stderr) == (
        0,
        "A statement was added to the queue's own policy, which lets the topic send to it now.\n",
    )
    policy = policy_of(stage, queue)
    assert policy is not None
    assert json.loads(policy)["Statement"] == [theirs, statement(queue.arn, stage.topic_arn)]
    assert lets_send(policy, queue.arn, stage.topic_arn) is True
    # Once more changes nothing, for there is nothing to add.
    assert (give("subscribe", queue.arn, "--raw", "--allow").stderr, policy_of(stage, queue)) == ("", policy)
    assert give("test").exit_code == 0
    queue.take(1)


def test_allow_says_when_another_statement_forbids_it_all_the_same(stage: Stage, give: Give, queue: Queue) -> None:
    set_policy(stage, queue, {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"})
    given = give("subscribe", queue.arn, "--allow")
    assert given.stderr == (
        "A statement was added to the queue's own policy, which has another statement that forbids it, or may.\n"
    )
    assert "--allow is for SQS queues" in refused(give("subscribe", "ada@example.com", "--allow"))


def test_a_local_aws_sends_no_mail_and_says_so(is_local: None, give: Give) -> None:
    given = give("subscribe", "ada@example.com")
    assert given.exit_code == 0, given.output
    assert given.stdout == "ada@example.com is subscribed, and the local AWS sends no mail: nothing arrives.\n"
    assert give("test").stdout.splitlines()[1:] == [
        "It reaches 0 of 1 subscription:",
        "  no mail here   email   ada@example.com  everything",
    ]


def test_a_test_says_whom_it_reaches_and_who_is_filtered_out(stage: Stage, give: Give, queue: Queue) -> None:
    assert give("test").stdout.splitlines()[1] == (
        "Nobody is subscribed; `batchwright notices subscribe ADDRESS` changes that."
    )
    of_films = Queue(stage, "of-films")
    by_body = Queue(stage, "by-body")
    assert give("subscribe", queue.arn, "--kind", "run_failed", "--raw").exit_code == 0
    assert give("subscribe", of_films.arn, "--workflow", "films", "--queue", "gpu", "--raw").exit_code == 0
    stage.client("sns").subscribe(
        TopicArn=stage.topic_arn,
        Protocol="sqs",
        Endpoint=by_body.arn,
        Attributes={"FilterPolicy": json.dumps({"kind": ["run_late"]}), "FilterPolicyScope": "MessageBody"},
    )
    published, summary, *lines = give("test").stdout.splitlines()
    assert published.startswith("Published test/run_failed/")
    assert summary == "It reaches 1 of 3 subscriptions:"
    assert lines == [
        f"  told           sqs     {queue.arn}  kind run_failed",
        f"  not known      sqs     {by_body.arn}  kind run_late",
        f"  filtered out   sqs     {of_films.arn}  workflow films, queue gpu",
    ]
    queue.take(1)
    given = json.loads(give("test", "--workflow", "films", "--queue", "gpu", "--severity", "warning", "--json").stdout)
    assert (given["notice"]["kind"], given["notice"]["queue"]) == ("run_cancelled", "gpu")
    reach = {one["address"]: one["reach"] for one in given["subscriptions"]}
    assert reach == {queue.arn: "filtered out", by_body.arn: "not known", of_films.arn: "told"}
    [message] = of_films.take(1)
    assert json.loads(message["Body"]) == given["notice"]


def test_a_test_says_which_queues_are_shut_or_gone(stage: Stage, give: Give, queue: Queue) -> None:
    gone = Queue(stage, "soon-gone")
    for one in (queue, gone):
        assert give("subscribe", one.arn).exit_code == 0
    set_policy(stage, queue)
    stage.client("sqs").delete_queue(QueueUrl=gone.url)
    _, summary, *lines = give("test").stdout.splitlines()
    assert summary == "It reaches 0 of 2 subscriptions:"
    assert lines == [
        f"  queue shut     sqs     {queue.arn}  everything",
        f"  queue gone     sqs     {gone.arn}  everything",
        "A shut queue has a policy that keeps the topic out; `notices subscribe` prints what it lacks.",
    ]


def test_a_test_takes_a_kind_that_fits_what_was_asked_for(give: Give) -> None:
    assert give("test", "--monitor", "nightly").stdout.startswith("Published test/job_failed/")
    assert give("test", "--severity", "info").stdout.startswith("Published test/run_started/")
    assert refused(give("test", "--kind", "run_failed", "--monitor", "nightly")) == (
        "--kind run_failed --monitor nightly: no notice is like this; run_failed has no monitor\n"
    )
