"""Asking before what cannot be undone: one place for the question, and for those who cannot be asked."""

from __future__ import annotations

import sys

import click

from batchwright.terminal.terminal import shown, tell
from chalicelib.core.errors import UserMistake


def ask(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask, and go on if the answer is yes; click.Abort if it is no. `yes` is an answer given beforehand.

    Raises UserMistake where nobody can be asked: a document is wanted and nothing else, or nothing can be read.
    """
    if yes:
        return
    if as_json:
        raise UserMistake(f"'{question}' is not asked with --json; give --yes with it")
    try:
        agreed = click.confirm(shown(question, err=True), err=True)
    except click.Abort as aborted:
        if not isinstance(aborted.__context__, EOFError) or sys.stdin.isatty():
            raise
        tell("", err=True)
        raise UserMistake("nothing was changed: there is nobody to ask; --yes does it unasked") from None
    if not agreed:
        raise click.Abort
