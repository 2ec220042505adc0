"""How commands print: the console that suits where it is shown, JSON documents, and the options they share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.status import Status

from batchwright.joblist import minute
from batchwright.plain_console import PlainConsole
from batchwright.progress import LiveProgress, NoProgress, PlainProgress, Progress
from batchwright.summary import FILE_WIDTH
from batchwright.terminal import tell

_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(command: _F) -> _F:
    """Give a command `--json`, as its argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2))


def table_console() -> Console:
    """A console for tables: as wide as the terminal; what is not one has no width that would shorten names."""
    console = PlainConsole()
    return console if console.is_terminal else PlainConsole(width=FILE_WIDTH)


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
