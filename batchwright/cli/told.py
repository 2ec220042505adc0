"""What commands say instead of a stack trace when the local AWS, or the real one, does not do its part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import BotoCoreError, ClientError

from batchwright.local.stack import LocalAwsError
from chalicelib.core.errors import TryAgain


@contextmanager
def told_plainly(who: str = "the local AWS") -> Iterator[None]:
    """End the command with 1 and a sentence when the local AWS cannot be started, or `who` breaks or refuses a call."""
    try:
        yield
    except LocalAwsError as error:
        raise click.ClickException(str(error)) from error
    except (BotoCoreError, ClientError, TryAgain) as error:
        raise click.ClickException(f"{who} did not answer as it should: {error}") from error
