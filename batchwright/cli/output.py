"""How commands print: the console that suits where it is shown, JSON documents, and the options they share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.status import Status
from rich.text import Text

from batchwright.files.workflow_file import Problem
from batchwright.jobs.table import minute
from batchwright.runs.progress import LiveProgress, NoProgress, PlainProgress, Progress
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.signs import signs_for
from batchwright.terminal.tables import Column, table_lines
from batchwright.terminal.terminal import takes_every_letter, tell, write

_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(command: _F) -> _F:
    """Give a command `--json`, as its argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def print_json(document: Any) -> None:
    write(json.dumps(document, indent=2))


def print_yaml(document: Any) -> None:
    """Print a document as YAML that reads as the same values. A letter that the terminal does not have is escaped."""
    # Only here, so that no other command waits for it to load.
    import yaml

    write(yaml.safe_dump(document, sort_keys=False, allow_unicode=takes_every_letter(), width=120), nl=False)


def say_warnings(warnings: Iterable[Problem]) -> None:
    """Print warnings about files on stderr, a line each."""
    for warning in warnings:
        tell(str(warning), err=True)


def print_table(columns: Sequence[Column], *, indent: int = 0, between: Mapping[int, Sequence[Text]] = {}) -> None:
    """Print a table that fits the terminal (tables.py); what is not one gets all of it."""
    console = PlainConsole()
    width = console.width if console.is_terminal else None
    ellipsis = signs_for(not console.encoding.startswith("utf")).ellipsis
    for line in table_lines(columns, width, indent=indent, between=between, ellipsis=ellipsis):
        print_line(line, console)


def print_line(line: Text, console: Console | None = None) -> None:
    """Print a line as it is. One that is wider than the terminal is the terminal's to break: so it is copied whole."""
    (console or PlainConsole()).print(line, soft_wrap=True, highlight=False)


@contextmanager
def looking_back(*, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Gives what takes the time (ms) back to which a search has looked, and shows it on a terminal while it goes on."""
    console = PlainConsole(stderr=True)
    if quiet or not console.is_terminal or console.is_dumb_terminal:
        yield lambda to_ms: None
        return
    with ExitStack() as until_done:
        shown: list[Status] = []

        def show(to_ms: int) -> None:
            text = f"looked back to {minute(to_ms)} UTC ..."
            if shown:
                shown[0].update(text)
            else:
                # Not before it is a long search.
                shown.append(until_done.enter_context(console.status(text)))

        yield show


def progress_on(console: Console, as_json: bool = False) -> Progress:
    """The display that suits where it is shown; none beside a JSON document."""
    if as_json:
        return NoProgress(complain=partial(tell, err=True))
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return PlainProgress(tell)
