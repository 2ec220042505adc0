"""`batchwright tokens`: make, list and revoke the tokens of a target's HTTP API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.target import Where, api_options, on_target
from batchwright.runs.progress import now_ms
from batchwright.terminal.tables import Column, Short
from batchwright.terminal.terminal import tell, write
from chalicelib.api import models as m
from chalicelib.api.read_model import as_model
from chalicelib.core.tokens import TokenScope


@click.group()
def tokens() -> None:
    """Tokens of the HTTP API: create, list, revoke."""


@tokens.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in TokenScope]),
    default=TokenScope.READ.value,
    show_default=True,
    help="Look; also start runs; everything.",
)
@click.option("--workflow", metavar="NAME", help="Only for this workflow.")
@click.option(
    "--expires-in-days", "days", type=click.IntRange(1, 3650), metavar="N", help="When it ends; never by default."
)
@json_option
@api_options
def create(name: str, scope: str, workflow: str | None, days: int | None, as_json: bool, where: Where) -> None:
    """Make a token and print it once. NAME says what it is for.

    \b
    Examples:
      batchwright tokens create dashboard
      export BATCHWRIGHT_TOKEN=$(batchwright tokens create nightly --scope start --workflow films --expires-in-days 90)
    """
    with on_target(where) as target:
        asked = {"name": name, "scope": scope, "workflow": workflow, "expires_in_days": days}
        made = target.api.create_token(as_model(m.NewToken, asked))
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    # The token alone goes to stdout, so that a shell can take it from there.
    tell(f"Token {made.token.token_id} ({_allows(made.token)}); it is shown this one time:", err=True)
    write(made.secret)


@tokens.command(name="list")
@json_option
@api_options
def list_tokens(as_json: bool, where: Where) -> None:
    """List the tokens, oldest first, without their secrets."""
    with on_target(where) as target:
        found = target.api.tokens()
    if as_json:
        print_json([token.model_dump(mode="json") for token in found])
    elif found:
        print_table(token_columns(found, now_ms()))
    else:
        tell("No tokens yet; `batchwright tokens create NAME` makes one.")


@tokens.command()
@click.argument("token_id", metavar="ID")
@json_option
@api_options
def revoke(token_id: str, as_json: bool, where: Where) -> None:
    """Revoke a token at once. ID is the part between its underscores."""
    with on_target(where) as target:
        revoked = target.api.revoke_token(token_id)
    if as_json:
        print_json(revoked.model_dump(mode="json"))
    else:
        tell(f"Token {revoked.token_id} ({revoked.name}) is revoked.")


def token_columns(found: Sequence[m.Token], now_ms: int) -> list[Column]:
    """A row each, in the given order."""
    return [
        Column("id", [one.token_id for one in found]),
        Column("name", [one.name for one in found], least=12, goes=3),
        Column("allows", [_allows(one) for one in found], least=12, short=Short.LINES),
        Column("made (UTC)", [_day(one.created_at_ms) for one in found], goes=1),
        Column("last used", [_day(one.last_used_at_ms) for one in found], goes=2),
        Column("ends", [_ends(one, now_ms) for one in found]),
    ]


def _allows(token: m.Token) -> str:
    return token.scope.value if token.workflow is None else f"{token.scope.value} {token.workflow}"


def _ends(token: m.Token, now_ms: int) -> str:
    if token.revoked_at_ms is not None:
        return f"revoked {_day(token.revoked_at_ms)}"
    if token.expires_at_ms is None:
        return "never"
    return f"{'ended' if token.expires_at_ms <= now_ms else 'on'} {_day(token.expires_at_ms)}"


def _day(at_ms: int | None) -> str:
    return "-" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
