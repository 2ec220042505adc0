"""How text from elsewhere reaches a terminal: without what moves its cursor, sets its title or writes its clipboard.

Whoever may push a workflow, write a log or fail with a message writes what others read here. What programs read (JSON,
logs that go to a file) is left as it is. Loaded with every command, so it needs little; rich is plain_console.py's.
"""

from __future__ import annotations

import re

import click

from chalicelib.core.rules import NOT_SHOWN

REPLACEMENT = "\ufffd"
_CONTROL = re.compile(f"[{NOT_SHOWN}]")
_CONTROL_OR_COLOUR = re.compile(rf"(\x1b\[[0-9;]{{0,40}}m)|[{NOT_SHOWN}]")


def printable(text: str) -> str:
    """The text without control characters, but for line ends and tabs."""
    return _CONTROL.sub(REPLACEMENT, text)


def coloured(text: str) -> str:
    """As `printable`, but colours stay (SGR sequences): jobs write them into their logs."""
    return _CONTROL_OR_COLOUR.sub(lambda found: found[1] or REPLACEMENT, text)


def tell(text: str, *, err: bool = False) -> None:
    """Print a line for people, printable."""
    click.echo(printable(text), err=err)
