"""Tokens of the HTTP API: how one is written, when it is good, and what its scope allows.

Owns the rules alone. The random bits are drawn at the edge and passed in, as is the time; where tokens are kept is the
port `Tokens`'. A token is `bw_<token_id>_<secret>`: the id finds the record, the secret has 256 random bits, and only
their SHA-256 is kept. So many bits cannot be guessed, so a hash that is slow on purpose would protect nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chalicelib.core.errors import Defect
from chalicelib.core.rules import anchored

ID_BYTES = 8
SECRET_BYTES = 32
ID_PATTERN = rf"[0-9a-f]{{{2 * ID_BYTES}}}"
TOKEN_FORM = f"'bw_', {2 * ID_BYTES} hex digits, '_' and {2 * SECRET_BYTES} hex digits"
KEPT_DAYS = 30
"""How long the record of a token that is good for nothing any more can still be looked at."""
USE_NOTED_EVERY_MS = 3_600_000
DAY_MS = 86_400_000

HEADER_EXPRESSION = anchored(
    rf" *[Bb][Ee][Aa][Rr][Ee][Rr] +bw_[0-9a-f]{{{2 * ID_BYTES}}}_[0-9a-f]{{{2 * SECRET_BYTES}}} *"
)
"""What `parse_header` finds a token in, as API Gateway is told: it answers any other header by itself. Written so that
every dialect of regular expressions reads it alike."""
_TOKEN = re.compile(rf"bw_([0-9a-f]{{{2 * ID_BYTES}}})_([0-9a-f]{{{2 * SECRET_BYTES}}})")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_ID = re.compile(ID_PATTERN)
_NOBODYS_DIGEST = "0" * 64


class TokenScope(StrEnum):
    """What a token allows; each allows what those before it do."""

    READ = "read"
    """To look."""
    START = "start"
    """To start runs."""
    ADMIN = "admin"
    """Everything: workflows, actions on runs, schedules, tokens."""

    def allows(self, needed: TokenScope) -> bool:
        """Whether a token of this scope may do what needs that one."""
        order = list(TokenScope)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as it is kept. `workflow`: the only one that it is good for."""

    token_id: str
    name: str
    scope: TokenScope
    digest: str = field(repr=False)
    created_at_ms: int
    workflow: str | None = None
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None
    last_used_at_ms: int | None = None

    def forget_at_ms(self) -> int | None:
        """When the record may go: some days after it stopped being good for anything. None for never."""
        ends = [at_ms for at_ms in (self.expires_at_ms, self.revoked_at_ms) if at_ms is not None]
        return min(ends) + KEPT_DAYS * DAY_MS if ends else None

    def revoked(self, now_ms: int) -> TokenRecord:
        """The record with its revocation; the first one stands."""
        return self if self.revoked_at_ms is not None else replace(self, revoked_at_ms=now_ms)


class Refusal(StrEnum):
    """Why a try is refused. It is logged, and never told to who tried."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong_secret"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as somebody showed it."""

    token_id: str
    secret: str = field(repr=False)


def new_token(drawn: bytes) -> Presented:
    """The token of 40 random bytes: its id and its secret."""
    if len(drawn) != ID_BYTES + SECRET_BYTES:
        raise Defect(f"a token is made of {ID_BYTES + SECRET_BYTES} random bytes, not {len(drawn)}")
    return Presented(drawn[:ID_BYTES].hex(), drawn[ID_BYTES:].hex())


def written(token: Presented) -> str:
    """The token as its owner is given it."""
    return f"bw_{token.token_id}_{token.secret}"


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_token_id(text: str) -> bool:
    """Whether the text has the form of a token's id."""
    return bool(_ID.fullmatch(text))


def is_token(text: str) -> bool:
    """Whether the text has the form of a token. Which of them are good, only the API knows."""
    return bool(_TOKEN.fullmatch(text))


def parse_header(header: str) -> Presented | Refusal:
    """The token of an `Authorization` header: `Bearer bw_...`."""
    if not header.strip():
        return Refusal.MISSING
    bearer = _BEARER.fullmatch(header.strip(" "))
    found = _TOKEN.fullmatch(bearer[1]) if bearer else None
    return Presented(found[1], found[2]) if found else Refusal.MALFORMED


def check(presented: Presented, record: TokenRecord | None, now_ms: int) -> Refusal | None:
    """Why the token is not good now, or None. A secret is compared in the same time whatever is in it, and also where
    there is no record; only who has the right one learns more than that it is wrong."""
    kept = _NOBODYS_DIGEST if record is None else record.digest
    same = hmac.compare_digest(digest_of(presented.secret), kept)
    if record is None:
        return Refusal.UNKNOWN
    if not same:
        return Refusal.WRONG_SECRET
    if record.revoked_at_ms is not None:
        return Refusal.REVOKED
    if record.expires_at_ms is not None and record.expires_at_ms <= now_ms:
        return Refusal.EXPIRED
    return None


def use_is_to_be_noted(record: TokenRecord, now_ms: int) -> bool:
    """Whether the record of its last use is an hour old, or there is none."""
    return record.last_used_at_ms is None or record.last_used_at_ms <= now_ms - USE_NOTED_EVERY_MS
