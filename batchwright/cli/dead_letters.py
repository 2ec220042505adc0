"""`batchwright dead-letters`: messages that could not be handled, of the local AWS that is up or of a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from batchwright.cli.confirm import ask
from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.dead_letters.queues import VARIABLES, DeadLetter, DeadLetterQueue, Held, chosen, held
from batchwright.dead_letters.text import full_text, letter_columns, letter_document
from batchwright.stage.connection import Aws
from batchwright.terminal.terminal import tell
from chalicelib.core.errors import UserMistake

AWS_WAIT_SECONDS = 1


def _queues(aws: Aws, queue: str | None) -> list[DeadLetterQueue]:
    """The dead-letter queue of one queue, or of all."""
    sqs, variables = aws.wired.clients.sqs, aws.environment
    wait_seconds = 0 if aws.is_local else AWS_WAIT_SECONDS
    return [
        DeadLetterQueue(sqs, name, variables[dead], variables[source], wait_seconds)
        for name, (dead, source) in VARIABLES.items()
        if queue in (None, name)
    ]


@contextmanager
def _taken(where: Where, queue: str | None) -> Iterator[tuple[Held, Target]]:
    """All dead letters, given back at the end; what goes wrong is told in a sentence."""
    with on_target(where) as target, held(_queues(target.needed_aws("dead-letters"), queue)) as letters:
        yield letters, target


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at messages that could not be handled, put them back, or remove them.

    Ids may be shortened to what tells them apart. Those of the local AWS or of a stage; an API does not show any.
    """


_of_queue = click.option("--queue", type=click.Choice(sorted(VARIABLES)), help="Only those of one queue.")
_every = click.option("--all", "every", is_flag=True, help="All of them, instead of IDs.")
_ids = click.argument("ids", nargs=-1, metavar="[ID]...")


@dead_letters.command(name="list")
@_of_queue
@json_option
@api_options
def list_letters(queue: str | None, as_json: bool, where: Where) -> None:
    """List dead letters and their reasons, oldest first."""
    with _taken(where, queue) as (taken, _):
        letters, elsewhere = taken.letters, taken.elsewhere_count()
    if as_json:
        print_json([letter_document(letter) for letter in letters])
    elif letters:
        print_table(letter_columns(letters))
    else:
        tell(f"No dead letters{_of(queue)}.")
    if elsewhere:
        tell(f"{_counted(elsewhere)} more: somebody else is looking at them; ask again in a minute.", err=True)


@dead_letters.command()
@click.argument("letter_id", metavar="ID")
@json_option
@api_options
def show(letter_id: str, as_json: bool, where: Where) -> None:
    """Print one message in full. Its body may hold secrets."""
    with _taken(where, None) as (taken, _):
        (letter,) = chosen(taken.letters, [letter_id])
    if as_json:
        print_json({**letter_document(letter), "body": letter.body})
    else:
        tell(full_text(letter))


@dead_letters.command()
@_ids
@_every
@_of_queue
@json_option
@api_options
def replay(ids: Sequence[str], every: bool, queue: str | None, as_json: bool, where: Where) -> None:
    """Put messages back on their queue."""
    _check_choice(ids, every)
    with _taken(where, queue) as (taken, _):
        letters = _letters(taken, ids, every)
        try:
            taken.replay(letters)
        finally:
            _say_moved("Put back", taken.moved, queue, as_json)


@dead_letters.command()
@_ids
@_every
@_of_queue
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@api_options
def drop(ids: Sequence[str], every: bool, queue: str | None, yes: bool, as_json: bool, where: Where) -> None:
    """Remove messages for good."""
    _check_choice(ids, every)
    if not yes:
        # Looked at and given back before the question, for an answer may take longer than they can be held.
        with _taken(where, queue) as (taken, target):
            letters = _letters(taken, ids, every)
        if not letters:
            _say_moved("Removed", 0, queue, as_json)
            return
        ids, every = [letter.message_id for letter in letters], False
        ask(f"Remove {_counted(len(letters))} of {target.who} for good?", yes=yes, as_json=as_json)
    with _taken(where, queue) as (taken, _):
        letters = _letters(taken, ids, every)
        try:
            taken.drop(letters)
        finally:
            _say_moved("Removed", taken.moved, queue, as_json)


def _check_choice(ids: Sequence[str], every: bool) -> None:
    if bool(ids) == every:
        raise UserMistake("say which: either ids from `batchwright dead-letters list`, or --all")


def _letters(taken: Held, ids: Sequence[str], every: bool) -> list[DeadLetter]:
    return taken.letters if every else chosen(taken.letters, ids)


def _say_moved(done: str, number: int, queue: str | None, as_json: bool) -> None:
    if as_json:
        print_json({done.lower().replace(" ", "_"): number})
        return
    tell(f"{done} {_counted(number)}." if number else f"No dead letters{_of(queue)}.")


def _counted(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{number:,} dead letters"


def _of(queue: str | None) -> str:
    return f" of the {queue} queue" if queue else ""
