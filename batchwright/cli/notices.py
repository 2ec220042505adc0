"""`batchwright notices`: who is told by a stage, and whether it arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from botocore.exceptions import ClientError

from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.run_named import run_named
from batchwright.cli.target import Where, api_options, on_target
from batchwright.runs.progress import now_ms
from batchwright.samples.example_notices import FORMS, example_notice, form_of
from batchwright.samples.sample_notice import sample_kind, sample_notice
from batchwright.stage.connection import Aws
from batchwright.subscriptions.listing import Subscriptions, filters_of, protocol_of, without_password
from batchwright.subscriptions.reached import Reach, Reached, in_sum, past_queues, reached
from batchwright.subscriptions.subscribing import SubscribedQueue, check_filters, find_queue, notes_on_names
from batchwright.subscriptions.table import hears, subscription_columns
from batchwright.terminal.terminal import printable, tell, write
from chalicelib.aws.answers import code_of
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.kinds import NoticeKind, Severity
from chalicelib.core.notice.schema import read_notice

TOPIC = "BATCHWRIGHT_TOPIC_ARN"


@click.group()
def notices() -> None:
    """Subscribe to notices of runs and jobs, list the subscriptions, test and preview (docs/how-to/get-notices.md)."""


def _filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only these kinds; repeatable."),
        click.option("--severity", "severities", multiple=True, metavar="S", help="Only info, warning or error."),
        click.option(
            "--workflow", "workflows", multiple=True, metavar="NAME", help="Only of these workflows; repeatable."
        ),
        click.option(
            "--monitor", "monitors", multiple=True, metavar="NAME", help="Only of these monitors; repeatable."
        ),
        click.option("--queue", "queues", multiple=True, metavar="NAME", help="Only of these job queues; repeatable."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@notices.command()
@click.argument("endpoint", metavar="ADDRESS")
@_filter_options
@click.option("--raw", is_flag=True, help="Send the notice alone, without SNS's envelope.")
@click.option("--allow", is_flag=True, help="Add the statement that lets the topic send to the queue.")
@json_option
@api_options
def subscribe(
    endpoint: str,
    kinds: Sequence[str],
    severities: Sequence[str],
    workflows: Sequence[str],
    monitors: Sequence[str],
    queues: Sequence[str],
    raw: bool,
    allow: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Subscribe ADDRESS: an e-mail address, https://..., or the ARN of an SQS queue or Lambda function.

    All options hold together, the values of one as alternatives. For an address that is subscribed they replace what it
    heard before.

    \b
    Examples:
      batchwright notices subscribe ada@example.com --severity error --stage prod
      batchwright notices subscribe arn:aws:sqs:eu-west-1:111122223333:told --workflow films --raw --allow --stage prod
    """
    filters = filters_of(
        {"kind": kinds, "severity": severities, "workflow": workflows, "monitor": monitors, "queue": queues}
    )
    notes = check_filters(filters)
    if allow and protocol_of(endpoint) != "sqs":
        raise UserMistake(
            f"--allow is for SQS queues, whose own policy it changes; {without_password(endpoint)} is none"
        )
    with on_target(where) as target:
        aws = target.needed_aws("notices subscribe")
        queue = _queue(endpoint, aws) if protocol_of(endpoint) == "sqs" else None
        notes += notes_on_names(filters, target.api, aws.client("batch"))
        if queue is not None:
            # First: where that is refused, nobody is subscribed.
            notes += _let_send(queue, allow)
        made = _subscriptions(aws).add(endpoint, filters, raw=raw)
    if as_json:
        print_json(made.document())
    elif made.protocol == "email" and aws.is_local:
        tell(f"{made.shown_address} is subscribed, and the local AWS sends no mail: nothing arrives.")
    elif made.is_pending:
        tell(f"{made.shown_address} has been asked to confirm; it hears nothing before.")
    else:
        tell(f"{made.shown_address} is told of {hears(made)}.")
    if made.protocol == "lambda":
        notes.append("The function's own policy must let the topic invoke it (docs/how-to/get-notices.md shows how).")
    if made.protocol == "https":
        notes.append("Over https, SNS sends the form for Amazon Q Developer (docs/how-to/post-to-slack.md).")
    for note in notes:
        tell(note, err=True)


@notices.command(name="list")
@json_option
@api_options
def list_subscriptions(as_json: bool, where: Where) -> None:
    """List the subscriptions.

    \b
    Example:
      batchwright notices list --stage prod
    """
    with on_target(where) as target:
        found = _subscriptions(target.needed_aws("notices list")).all()
    if as_json:
        print_json([one.document() for one in found])
    elif found:
        print_table(subscription_columns(found))
    else:
        tell("Nobody is subscribed; `batchwright notices subscribe ADDRESS` changes that.")


@notices.command()
@click.argument("named", metavar="ADDRESS|ID")
@json_option
@api_options
def unsubscribe(named: str, as_json: bool, where: Where) -> None:
    """End a subscription.

    \b
    Example:
      batchwright notices unsubscribe ada@example.com --stage prod
    """
    with on_target(where) as target:
        ended = _subscriptions(target.needed_aws("notices unsubscribe")).remove(named)
    if as_json:
        print_json(ended.document())
    else:
        tell(f"{ended.shown_address} is not told any more.")


@notices.command()
@click.option(
    "--kind", type=click.Choice([one.value for one in NoticeKind]), metavar="KIND", help="Of this kind.  [run_failed]"
)
@click.option(
    "--severity", type=click.Choice([one.value for one in Severity]), metavar="S", help="A kind of this severity."
)
@click.option("--workflow", metavar="NAME", help="As if of this workflow.")
@click.option("--monitor", metavar="NAME", help="As if of this monitor.")
@click.option("--queue", metavar="NAME", help="As if of this job queue.")
@json_option
@api_options
def test(
    kind: str | None,
    severity: str | None,
    workflow: str | None,
    monitor: str | None,
    queue: str | None,
    as_json: bool,
    where: Where,
) -> None:
    """Publish a test notice, and list whom it reaches.

    Who chooses by a workflow, a monitor or a queue hears of it only when it is given here, too.

    \b
    Examples:
      batchwright notices test --stage prod
      batchwright notices test --severity error --monitor nightly --stage prod
    """
    given = {"kind": kind, "severity": severity, "workflow": workflow, "monitor": monitor, "queue": queue}
    attributes = {name: value for name, value in given.items() if value}
    # A mistake is told before anything is asked for.
    sample_kind(attributes)
    with on_target(where) as target:
        aws = target.needed_aws("notices test")
        world = aws.wired.world
        notice = sample_notice(world.stage, attributes, now_ms())
        judged, trouble = None, None
        try:
            there = reached(_subscriptions(aws).all(), notice, is_local=aws.is_local)
            judged = past_queues(there, lambda arn: _queue(arn, aws))
        except ClientError as error:
            # Who may publish need not be allowed to see who hears it.
            trouble = f"Whom it reaches was not to be learned: {error.operation_name} says {code_of(error)}."
        world.notices.publish(notice)
    if as_json:
        print_json({"notice": notice.document(), "subscriptions": judged and [_reach_document(one) for one in judged]})
    else:
        tell(f"Published {notice.notice_id} ({notice.severity}).")
    if trouble is not None:
        tell(trouble, err=True)
    if judged is not None and not as_json:
        tell(in_sum(judged))
        for one in judged:
            tell(f"  {one.reach:<13}  {one.who.protocol:<6}  {one.who.shown_address}  {hears(one.who)}")
        if any(one.reach is Reach.SHUT for one in judged):
            tell("A shut queue has a policy that keeps the topic out; `notices subscribe` prints what it lacks.")


def _reach_document(one: Reached) -> dict[str, Any]:
    return {**one.who.document(), "reach": one.reach}


def _queue(arn: str, aws: Aws) -> SubscribedQueue:
    def sqs_in(region: str) -> Any:
        # A local AWS has one region.
        return aws.client("sqs") if aws.is_local else aws.session.client("sqs", region_name=region)

    return find_queue(arn, aws.environment[TOPIC], sqs_in, aws.is_local)


def _let_send(queue: SubscribedQueue, allow: bool) -> list[str]:
    """See to it that the topic may send to the queue, or say what keeps it from it."""
    if allow and queue.is_open is not True:
        lets = queue.allow()
        said = "lets the topic send to it now" if lets else "has another statement that forbids it, or may"
        return [*queue.notes, f"A statement was added to the queue's own policy, which {said}."]
    if queue.is_open is True or queue.url is None:
        return list(queue.notes)
    is_not = "does not let" if queue.is_open is False else "may not let"
    return [
        *queue.notes,
        f"The queue's own policy {is_not} the topic send to it. Give the command again with --allow to add this:",
        queue.statement_text(),
    ]


@notices.command()
@click.argument("kind", metavar="[KIND]", required=False, type=click.Choice([one.value for one in NoticeKind]))
@click.option("--run", "run_id", metavar="RUN", help="The notice that this run's records give now; `latest` will do.")
@click.option(
    "--as",
    "form",
    type=click.Choice(FORMS),
    default=FORMS[0],
    show_default=True,
    help="Form: e-mail (default), Slack, JSON, Amazon Q Developer's card, or SMS.",
)
@api_options
def preview(kind: str | None, run_id: str | None, form: str, where: Where) -> None:
    """Print a notice: an example of KIND, or that of a run. Nothing is sent.

    \b
    Examples:
      batchwright notices preview run_failed
      batchwright notices preview queue_blocked --as slack
      batchwright notices preview --run latest
    """
    if (kind is None) == (run_id is None):
        raise click.UsageError("name a KIND, or a run with --run RUN")
    if kind is not None:
        write(printable(form_of(example_notice(NoticeKind(kind)), form)), nl=False)
        return
    assert run_id is not None
    with on_target(where) as target:
        found = target.api.run_notice(run_named(target.api, run_id, may_be_latest=True))
    notice = read_notice(found.document)
    write(printable(form_of(notice, form)), nl=False)
    if not found.places:
        tell(f"Nobody hears it: the run's `notify` leaves out {notice.kind}.", err=True)


def _subscriptions(aws: Aws) -> Subscriptions:
    return Subscriptions(aws.client("sns"), aws.environment[TOPIC])
