"""How text reaches a terminal: every command prints through `tell`, `write` or `plain_console.py`, and nothing else.

Text for people loses what moves a cursor, sets a title or writes a clipboard, because anybody who may push a workflow,
write a log or fail with a message writes what others read here. What programs read (JSON, logs that go to a file) is
left as it is. A letter that the terminal's encoding does not have never ends a command: it becomes a question mark, or
an escape where the format has one. Loaded with every command, so it needs little; rich is plain_console.py's.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from typing import Any

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
    write(printable(text), err=err)


def shown(text: str, *, err: bool = False) -> str:
    """The text as `tell` prints it, for what prints by itself."""
    return shown_in(printable(text), _encoding(err))


def write(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text as it is, with its colours; `nl`: as a line. What the terminal cannot show becomes a question
    mark."""
    click.echo(shown_in(text, _encoding(err)), err=err, nl=nl, color=True)


def shown_in(text: str, encoding: str) -> str:
    """The text with a question mark for each letter that the encoding does not have."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "replace").decode(encoding)
    return text


def takes_every_letter() -> bool:
    """True if what is printed is in an encoding of Unicode."""
    return codecs.lookup(_encoding(err=False)).name.startswith("utf")


def json_text(document: Any) -> str:
    """The document as JSON, its letters as they are where the terminal takes every one, else as `\\uXXXX`."""
    return json.dumps(document, indent=2, ensure_ascii=not takes_every_letter())


def _encoding(err: bool) -> str:
    return getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
