"""`batchwright notices`: who is told by a stage, and whether it arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.target import Aws, Where, api_options, on_target
from batchwright.progress import now_ms
from batchwright.sample_notice import sample_notice
from batchwright.subscriptionlist import hears, subscription_columns
from batchwright.subscriptions import Subscriptions, filters_of
from batchwright.terminal import tell
from chalicelib.core.notices import NoticeKind

TOPIC = "BATCHWRIGHT_TOPIC_ARN"


@click.group()
def notices() -> None:
    """Who is told of runs and jobs: subscribe, list, unsubscribe, test (docs/notices.md)."""


def _filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--kind", "kinds", multiple=True, metavar="KIND", help="Only these kinds; give it again for more."
        ),
        click.option("--severity", "severities", multiple=True, metavar="S", help="Only info, warning or error."),
        click.option("--workflow", "workflows", multiple=True, metavar="NAME", help="Only of these workflows."),
        click.option("--monitor", "monitors", multiple=True, metavar="NAME", help="Only of these monitors."),
        click.option("--queue", "queues", multiple=True, metavar="NAME", help="Only of these job queues."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@notices.command()
@click.argument("endpoint", metavar="ADDRESS")
@_filter_options
@click.option("--raw", is_flag=True, help="Of a queue or endpoint: the notice alone, without SNS's envelope.")
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
    as_json: bool,
    where: Where,
) -> None:
    """Have ADDRESS told: an e-mail address, https://..., or the ARN of an SQS queue or a Lambda function.

    All options hold together, the values of one as alternatives. For an address that is subscribed they replace what it
    heard before.

    \b
    Examples:
      batchwright notices subscribe ada@example.com --severity error --stage prod
      batchwright notices subscribe arn:aws:sqs:eu-west-1:111122223333:told --workflow films --raw --stage prod
    """
    filters = filters_of(
        {"kind": kinds, "severity": severities, "workflow": workflows, "monitor": monitors, "queue": queues}
    )
    with on_target(where) as target:
        made = _subscriptions(target.needed_aws("notices subscribe")).add(endpoint, filters, raw=raw)
    if as_json:
        print_json(made.document())
        return
    if made.is_pending:
        tell(f"{endpoint} has been asked to confirm; it hears nothing before.")
    else:
        tell(f"{endpoint} is told of {hears(made)}.")
    if made.protocol == "sqs":
        tell("The queue's own policy must let the topic send to it (docs/notices.md shows one).", err=True)
    if made.protocol == "https":
        tell("Over https the document is the one that Amazon Q Developer shows in chats (docs/notices.md).", err=True)


@notices.command(name="list")
@json_option
@api_options
def list_subscriptions(as_json: bool, where: Where) -> None:
    """List who is subscribed, and what each hears.

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
        click.echo("Nobody is subscribed; `batchwright notices subscribe ADDRESS` changes that.")


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
        tell(f"{ended.address} is not told any more.")


@notices.command()
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in NoticeKind]),
    default=NoticeKind.RUN_FAILED.value,
    show_default=True,
    metavar="KIND",
    help="Of which kind.",
)
@click.option("--workflow", metavar="NAME", help="As if of this workflow, for those who filter by it.")
@json_option
@api_options
def test(kind: str, workflow: str | None, as_json: bool, where: Where) -> None:
    """Publish a notice that says that it is a test, to all who are subscribed to its kind.

    \b
    Example:
      batchwright notices test --kind run_failed --stage prod
    """
    with on_target(where) as target:
        world = target.needed_aws("notices test").wired.world
        notice = sample_notice(NoticeKind(kind), world.stage, workflow, now_ms())
        world.notices.publish(notice)
    if as_json:
        print_json(notice.document())
    else:
        tell(f"Published {notice.notice_id} ({notice.severity}).")


def _subscriptions(aws: Aws) -> Subscriptions:
    return Subscriptions(aws.client("sns"), aws.environment[TOPIC])
