"""Commands end with a sentence instead of a stack trace when the local AWS, or the real one, fails.

The sentences are terminal/aws_words.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from batchwright.local.stack import LocalAwsError
from batchwright.terminal.aws_words import cause_of, sentence
from chalicelib.core.errors import TryAgain

WORD_SECONDS = 2.0
LOOK_SECONDS = 0.05


@contextmanager
def told_plainly(who: str = "the local AWS") -> Iterator[None]:
    """End the command with 1 and a sentence when the local AWS cannot be started, or `who` breaks or refuses a call."""
    try:
        yield
    except LocalAwsError as error:
        raise click.ClickException(str(error)) from error
    except (BotoCoreError, ClientError, TryAgain) as error:
        raise click.ClickException(sentence(who, error)) from error


@contextmanager
def blamed(check: Callable[[], None]) -> Iterator[None]:
    """When a call gets no answer, let `check` say first what died, if something did. The word of it may be on its way
    still."""
    try:
        yield
    except (BotoCoreError, TryAgain) as error:
        if not isinstance(cause_of(error), (ConnectionError, HTTPClientError)):
            raise
        until = time.monotonic() + WORD_SECONDS
        while time.monotonic() < until:
            check()
            time.sleep(LOOK_SECONDS)
        raise
