"""A run's params in the table: in its record while they are small, and otherwise in an item of their own.

A record is written at every change of its run, and so is its copy in `runs-by-workflow`. Params never change within an
epoch, so large ones are written once. Their item is named by their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.aws.dynamodb_items import PARAMS, PARAMS_DIGEST, params_key, run_attributes, run_of
from chalicelib.aws.dynamodb_table import Item, Key, Table
from chalicelib.core.errors import Defect, UserMistake
from chalicelib.core.records import Run

PARAMS_BYTES_MAXIMUM = 300_000
"""DynamoDB refuses items above 400 KB."""
INLINE_BYTES = 1_000
"""The largest params that stay in the record: with them, it takes a write unit more."""
_KEPT_CHARACTERS = 4_000_000
"""About how much of params a warm process remembers."""


class DynamoParams:
    """Run records with their params, wherever those are."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._warm: dict[Key, str] = {}

    def attributes(self, run: Run) -> Item:
        """The attributes of a run's record. Large params are put in their own item first. Raises UserMistake if they
        are too large."""
        # As text, because DynamoDB's numbers are not JSON's: 1.0 would come back as 1.
        text = json.dumps(run.params, separators=(",", ":"), ensure_ascii=False)
        encoded = text.encode()
        if len(encoded) > PARAMS_BYTES_MAXIMUM:
            raise UserMistake(
                f"the params of a run may have {PARAMS_BYTES_MAXIMUM} bytes as JSON, not {len(encoded)}; "
                "put large values in S3 and pass their address"
            )
        if len(encoded) <= INLINE_BYTES:
            return {**run_attributes(run), PARAMS: text}
        digest = hashlib.sha256(encoded).hexdigest()
        key = params_key(run.run_id, digest)
        if key not in self._warm:
            self._table.put(key, {PARAMS: text})
            self._remember(key, text)
        return {**run_attributes(run), PARAMS_DIGEST: digest}

    def run_of(self, item: Mapping[str, Any]) -> Run:
        """The run of a record, with its params."""
        key = _key_of(item)
        return run_of(item, json.loads(item[PARAMS] if key is None else self._text(key)))

    def runs_of(self, items: Sequence[Mapping[str, Any]]) -> list[Run]:
        """The runs of several records, whose params are read together."""
        wanted = {key for item in items if (key := _key_of(item)) is not None}
        texts = {key: self._warm[key] for key in wanted & self._warm.keys()}
        for found in self._table.get_many(sorted(wanted - texts.keys())):
            texts[found["pk"], found["sk"]] = found[PARAMS]
        runs = []
        for item in items:
            key = _key_of(item)
            # An item that was just put may not be found yet by a read that is eventually consistent.
            text = item[PARAMS] if key is None else texts[key] if key in texts else self._text(key)
            runs.append(run_of(item, json.loads(text)))
        return runs

    def _text(self, key: Key) -> str:
        text = self._warm.get(key)
        if text is None:
            item = self._table.get(key)
            if item is None:
                raise Defect(f"{key[0]} has no {key[1]} in the table, which its record names")
            text = item[PARAMS]
            self._remember(key, text)
        return text

    def _remember(self, key: Key, text: str) -> None:
        self._warm[key] = text
        while len(self._warm) > 1 and sum(map(len, self._warm.values())) > _KEPT_CHARACTERS:
            del self._warm[next(iter(self._warm))]


def _key_of(item: Mapping[str, Any]) -> Key | None:
    """The key of a record's params; None if they are in the record, as in every record of an earlier release."""
    return (item["pk"], params_key("", item[PARAMS_DIGEST])[1]) if PARAMS_DIGEST in item else None
