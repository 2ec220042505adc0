"""`batchwright dead-letters`: messages that could not be handled, of the local AWS that is up or of a deployment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import click
from rich.console import Console

from batchwright.cli.told import told_plainly
from batchwright.dead_letter_text import full_text, letter_document, table
from batchwright.dead_letters import VARIABLES, DeadLetter, DeadLetterQueue, Held, chosen, held
from batchwright.interrupts import raised
from batchwright.local import home
from batchwright.local.isolation import client
from batchwright.summary import FILE_WIDTH
from chalicelib.core.errors import UserMistake

AWS_WAIT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Stack:
    """Whose dead letters are meant: `who` is for messages, `sqs` is its client."""

    who: str
    sqs: Any
    environment: dict[str, str]
    wait_seconds: int

    def queues(self, queue: str | None) -> list[DeadLetterQueue]:
        """The dead-letter queue of one queue, or of all."""
        return [
            DeadLetterQueue(self.sqs, name, self.environment[dead], self.environment[source], self.wait_seconds)
            for name, (dead, source) in VARIABLES.items()
            if queue in (None, name)
        ]


def find_stack() -> Stack:
    """The local AWS that is up, else what the environment's variables name. Raises UserMistake without either."""
    names = [name for pair in VARIABLES.values() for name in pair]
    running = home.running()
    environment = dict(os.environ) if running is None else running.environment
    missing = [name for name in names if not environment.get(name)]
    if running is not None:
        if missing:
            raise UserMistake("the local AWS that is up is of an older version; stop it with `batchwright local down`")
        return Stack("the local AWS", client("sqs", running.environment), environment, wait_seconds=0)
    if missing:
        raise UserMistake(
            f"no local AWS is up and the environment lacks {', '.join(missing)}: start one with "
            "`batchwright local up`, or set them to the queues of a deployment (docs/dead-letters.md)"
        )
    return Stack("AWS", boto3.client("sqs"), environment, AWS_WAIT_SECONDS)


@contextmanager
def _taken(queue: str | None) -> Iterator[tuple[Held, Stack]]:
    """All dead letters, given back at the end; what goes wrong is told in a sentence."""
    with raised(), told_plainly("AWS"):
        stack = find_stack()
        with told_plainly(stack.who), held(stack.queues(queue)) as letters:
            yield letters, stack


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at messages that could not be handled, put them back, or remove them.

    \b
    Of the local AWS that is up, else of the deployment that the environment's BATCHWRIGHT_* variables name.
    Ids may be shortened to what tells them apart.
    """


_of_queue = click.option("--queue", type=click.Choice(sorted(VARIABLES)), help="Only those of one queue.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_every = click.option("--all", "every", is_flag=True, help="All of them, instead of IDs.")
_ids = click.argument("ids", nargs=-1, metavar="[ID]...")


@dead_letters.command(name="list")
@_of_queue
@_as_json
def list_letters(queue: str | None, as_json: bool) -> None:
    """Print what lies there, oldest first, and why."""
    with _taken(queue) as (taken, _):
        letters, elsewhere = taken.letters, taken.elsewhere_count()
    if as_json:
        click.echo(json.dumps([letter_document(letter) for letter in letters], indent=2))
    elif letters:
        console = Console()
        if not console.is_terminal:
            console = Console(width=FILE_WIDTH)
        console.print(table(letters))
    else:
        click.echo(f"No dead letters{_of(queue)}.")
    if elsewhere:
        click.echo(f"{_counted(elsewhere)} more: somebody else is looking at them; ask again in a minute.", err=True)


@dead_letters.command()
@click.argument("letter_id", metavar="ID")
@_as_json
def show(letter_id: str, as_json: bool) -> None:
    """Print one in full: its whole body, which may hold secrets, and its attributes."""
    with _taken(None) as (taken, _):
        (letter,) = chosen(taken.letters, [letter_id])
    click.echo(json.dumps({**letter_document(letter), "body": letter.body}, indent=2) if as_json else full_text(letter))


@dead_letters.command()
@_ids
@_every
@_of_queue
def replay(ids: Sequence[str], every: bool, queue: str | None) -> None:
    """Put them back on the queue they came from, with five receipts to go."""
    _check_choice(ids, every)
    with _taken(queue) as (taken, _):
        letters = _letters(taken, ids, every)
        try:
            taken.replay(letters)
        finally:
            _say_moved("Put back", taken.moved, queue)


@dead_letters.command()
@_ids
@_every
@_of_queue
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(ids: Sequence[str], every: bool, queue: str | None, yes: bool) -> None:
    """Remove them for good, after asking."""
    _check_choice(ids, every)
    if not yes:
        # Looked at and given back before the question, for an answer may take longer than they can be held.
        with _taken(queue) as (taken, stack):
            letters = _letters(taken, ids, every)
        if not letters:
            _say_moved("Removed", 0, queue)
            return
        ids, every = [letter.message_id for letter in letters], False
        click.confirm(f"Remove {_counted(len(letters))} of {stack.who} for good?", abort=True)
    with _taken(queue) as (taken, _):
        letters = _letters(taken, ids, every)
        try:
            taken.drop(letters)
        finally:
            _say_moved("Removed", taken.moved, queue)


def _check_choice(ids: Sequence[str], every: bool) -> None:
    if bool(ids) == every:
        raise UserMistake("say which: either ids from `batchwright dead-letters list`, or --all")


def _letters(taken: Held, ids: Sequence[str], every: bool) -> list[DeadLetter]:
    return taken.letters if every else chosen(taken.letters, ids)


def _say_moved(done: str, number: int, queue: str | None) -> None:
    click.echo(f"{done} {_counted(number)}." if number else f"No dead letters{_of(queue)}.")


def _counted(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{number:,} dead letters"


def _of(queue: str | None) -> str:
    return f" of the {queue} queue" if queue else ""
