"""The tokens port in memory."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.errors import Defect
from chalicelib.core.tokens import TokenRecord, use_is_to_be_noted


class MemoryTokens:
    """Tokens by their ids."""

    def __init__(self) -> None:
        self._records: dict[str, TokenRecord] = {}

    def add(self, record: TokenRecord) -> None:
        if record.token_id in self._records:
            raise Defect(f"a token of the id {record.token_id} is there already")
        self._records[record.token_id] = record

    def token(self, token_id: str) -> TokenRecord | None:
        return self._records.get(token_id)

    def tokens(self) -> list[TokenRecord]:
        return [record for _, record in sorted(self._records.items())]

    def revoke(self, token_id: str, now_ms: int) -> TokenRecord | None:
        record = self._records.get(token_id)
        if record is not None:
            record = self._records[token_id] = record.revoked(now_ms)
        return record

    def note_use(self, token_id: str, now_ms: int) -> None:
        record = self._records.get(token_id)
        if record is not None and use_is_to_be_noted(record, now_ms):
            self._records[token_id] = replace(record, last_used_at_ms=now_ms)
