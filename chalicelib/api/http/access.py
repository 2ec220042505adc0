"""Who may: from an `Authorization` header to a caller, and from a caller to what a route allows.

Owns what the authorizer tells API Gateway and how the routes read it back, and the log of failed tries. The rules of
tokens are core/tokens.py's. Nothing of a header is ever logged but the id of a token that is well formed.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api.http.route_table import About, Route
from chalicelib.core.errors import NotAllowed
from chalicelib.core.tokens import (
    Presented,
    Refusal,
    TokenRecord,
    TokenScope,
    check,
    parse_header,
    use_is_to_be_noted,
)
from chalicelib.engine.world.telemetry import IDS
from chalicelib.ports.services import Tokens

log = logging.getLogger(__name__)

PLACE_CHARACTERS = 120
ANY = "*"
"""The workflow of a token for all of them, in the authorizer's context: API Gateway may drop a value that is empty. No
workflow has such a name."""
_SECRET_LIKE = re.compile(r"[0-9a-fA-F]{17,}")
_ARN_PREFIX_PARTS = 2


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the id of a token, or the ARN of whom IAM let through. `workflow`: the only one they may ask about."""

    who: str
    scope: TokenScope
    workflow: str | None = None


def authorize(tokens: Tokens, now_ms: int, header: str, place: str) -> TokenRecord | None:
    """The token of a header, if it is good now; None, and a line in the log, otherwise. `place` is what was asked for.

    Raises TryAgain when the token cannot be looked up: then nobody is let in.
    """
    presented = parse_header(header)
    if isinstance(presented, Refusal):
        tell_refused("-", presented, place)
        return None
    record = tokens.token(presented.token_id)
    refusal = check(presented, record, now_ms)
    if refusal is not None or record is None:
        tell_refused(presented.token_id, refusal or Refusal.UNKNOWN, place)
        return None
    _note_use(tokens, record, presented, now_ms)
    return record


def tell_refused(who: str, reason: str, place: str, source: str = "-") -> None:
    """Log a try that failed, on one line whatever was tried."""
    shown = _SECRET_LIKE.sub("...", place)[:PLACE_CHARACTERS]
    told = {"token": who, "reason": reason, "asked": shown, "source": source}
    log.warning("refused %s", json.dumps(told), extra={IDS: told})


def _note_use(tokens: Tokens, record: TokenRecord, presented: Presented, now_ms: int) -> None:
    if not use_is_to_be_noted(record, now_ms):
        return
    try:
        tokens.note_use(presented.token_id, now_ms)
    except Exception as error:
        # Nobody is turned away for a note; the next request writes it.
        log.warning("the use of token %s was not noted: %s", presented.token_id, type(error).__name__)


def policy(record: TokenRecord | None, method_arn: str) -> dict[str, Any]:
    """What the authorizer answers API Gateway: the token's context, or a refusal of everything.

    A refusal is said aloud, for an empty list of what is allowed is no valid policy.
    """
    api = "/".join(method_arn.split("/")[:_ARN_PREFIX_PARTS]) + "/*"
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow" if record else "Deny", "Resource": [api]}
    context = {}
    if record is not None:
        context = {"token_id": record.token_id, "scope": record.scope.value, "workflow": record.workflow or ANY}
    return {
        "principalId": record.token_id if record else "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }


def place_of_arn(method_arn: str) -> str:
    """The method and path in the ARN that the authorizer is asked about."""
    return "/".join(method_arn.split("/")[_ARN_PREFIX_PARTS:])


def caller_of(request_context: Mapping[str, Any], *, trusts_iam: bool) -> Caller:
    """Who API Gateway let through. Raises NotAllowed when it does not say: a route is never open by oversight."""
    found = request_context.get("authorizer") or {}
    if trusts_iam:
        who = (request_context.get("identity") or {}).get("userArn")
        # While a stage goes from tokens to IAM, its old authorizer may let in tokens of any scope.
        if found or not isinstance(who, str) or not who:
            raise NotAllowed("the request came without an identity that IAM checked")
        return Caller(who, TokenScope.ADMIN)
    try:
        # An authorizer of an earlier release said "" for any.
        workflow = None if found["workflow"] in (ANY, "") else found["workflow"]
        return Caller(found["token_id"], TokenScope(found["scope"]), workflow)
    except (KeyError, ValueError):
        raise NotAllowed("the request came without a token that was checked") from None


def check_scope(caller: Caller, route: Route) -> None:
    """Raises NotAllowed when the route needs more than the caller's scope, or is about more than their workflow."""
    if not caller.scope.allows(route.needs):
        raise NotAllowed(f"this needs a token of scope '{route.needs}'; this one's is '{caller.scope}'")
    if route.about is About.ALL and caller.workflow is not None:
        raise NotAllowed(f"this is not about workflow '{caller.workflow}' alone, which is all that this token is for")


def check_workflow(caller: Caller, workflow: str) -> None:
    """Raises NotAllowed when the caller may not ask about this workflow."""
    if caller.workflow not in (None, workflow):
        raise NotAllowed(f"this token is for workflow '{caller.workflow}' alone")
