"""The API in process: tokens."""

from __future__ import annotations

import re

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part
from chalicelib.core.errors import UnknownToken, UserMistake
from chalicelib.core.rules import name_rule
from chalicelib.core.suggest import Names, shown
from chalicelib.core.tokens import (
    DAY_MS,
    ID_BYTES,
    SECRET_BYTES,
    TokenRecord,
    digest_of,
    is_token_id,
    new_token,
    written,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class DirectTokens(Part):
    """What the protocol says of tokens."""

    def create_token(self, request: m.NewToken) -> m.CreatedToken:
        if _CONTROL.search(request.name) or not request.name.strip():
            raise UserMistake(f"name must be something that can be read, not {request.name[:64]!r}")
        if request.workflow is not None and name_rule(request.workflow):
            raise UserMistake(f"workflow must be a workflow's name, not {shown(request.workflow)}")
        token = new_token(self._ground.draw(ID_BYTES + SECRET_BYTES))
        now_ms, days = self._ground.world.clock.now_ms(), request.expires_in_days
        record = TokenRecord(
            token_id=token.token_id,
            name=request.name,
            scope=request.scope,
            digest=digest_of(token.secret),
            created_at_ms=now_ms,
            workflow=request.workflow,
            expires_at_ms=None if days is None else now_ms + days * DAY_MS,
        )
        self._ground.tokens.add(record)
        return m.CreatedToken(token=_told(record), secret=written(token))

    def tokens(self) -> list[m.Token]:
        found = self._ground.tokens.tokens()
        return [_told(record) for record in sorted(found, key=lambda one: (one.created_at_ms, one.token_id))]

    def revoke_token(self, token_id: str) -> m.Token:
        if not is_token_id(token_id):
            # Not shown: it may be a whole token.
            raise UnknownToken(
                f"a token's id has {2 * ID_BYTES} hexadecimal digits: what is between its two underscores"
            )
        record = self._ground.tokens.revoke(token_id, self._ground.world.clock.now_ms())
        if record is None:
            suggestion = Names(one.token_id for one in self._ground.tokens.tokens()).suggestion(token_id)
            raise UnknownToken(f"there is no token '{token_id}'{f'; {suggestion}' if suggestion else ''}")
        return _told(record)


def _told(record: TokenRecord) -> m.Token:
    return m.Token(
        token_id=record.token_id,
        name=record.name,
        scope=record.scope,
        workflow=record.workflow,
        created_at_ms=record.created_at_ms,
        expires_at_ms=record.expires_at_ms,
        revoked_at_ms=record.revoked_at_ms,
        last_used_at_ms=record.last_used_at_ms,
    )
