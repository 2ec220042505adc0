"""A run's params in the table: in its record while they are small, and otherwise in an item of their own.

A record is written at every change of its run, and so is its copy in `runs-by-workflow`. Params never change within an
epoch, so large ones are written once. Their item is named by their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.aws.table.calls import Item, Key, Table
from chalicelib.aws.table.items import PARAMS, PARAMS_DIGEST, params_key, params_text, run_attributes, run_of
from chalicelib.core.errors import Defect, UserMistake
from chalicelib.core.run.records import Run

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
        past = [{} if epoch.params is None else self._placed(run.run_id, epoch.params) for epoch in run.past]
        return {**run_attributes(run, past), **self._placed(run.run_id, run.params)}

    def _placed(self, run_id: str, params: Mapping[str, Any]) -> Item:
        """The attributes that hold params, or name the item that does, which is put if it may not be there yet."""
        text = params_text(params)
        encoded = text.encode()
        if len(encoded) > PARAMS_BYTES_MAXIMUM:
            raise UserMistake(
                f"the params of a run may have {PARAMS_BYTES_MAXIMUM} bytes as JSON, not {len(encoded)}; "
                "put large values in S3 and pass their address"
            )
        if len(encoded) <= INLINE_BYTES:
            return {PARAMS: text}
        digest = hashlib.sha256(encoded).hexdigest()
        key = params_key(run_id, digest)
        if key not in self._warm:
            self._table.put(key, {PARAMS: text})
            self._remember(key, text)
        return {PARAMS_DIGEST: digest}

    def run_of(self, item: Mapping[str, Any]) -> Run:
        """The run of a record, with its params."""
        return run_of(item, self._read(item["pk"], item), self._past(item))

    def _past(self, item: Mapping[str, Any]) -> list[Mapping[str, Any] | None]:
        return [
            self._read(item["pk"], past) if PARAMS in past or PARAMS_DIGEST in past else None
            for past in item.get("past", ())
        ]

    def _read(self, partition: str, holder: Mapping[str, Any]) -> Any:
        """The params that attributes hold or name."""
        key = _key_of(partition, holder)
        return json.loads(holder[PARAMS] if key is None else self._text(key))

    def runs_of(self, items: Sequence[Mapping[str, Any]]) -> list[Run]:
        """The runs of several records, whose params are read together."""
        wanted = {key for item in items if (key := _key_of(item["pk"], item)) is not None}
        texts = {key: self._warm[key] for key in wanted & self._warm.keys()}
        for found in self._table.get_many(sorted(wanted - texts.keys())):
            texts[found["pk"], found["sk"]] = found[PARAMS]
        runs = []
        for item in items:
            key = _key_of(item["pk"], item)
            # An item that was just put may not be found yet by a read that is eventually consistent.
            text = item[PARAMS] if key is None else texts[key] if key in texts else self._text(key)
            runs.append(run_of(item, json.loads(text), self._past(item)))
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


def _key_of(partition: str, holder: Mapping[str, Any]) -> Key | None:
    """The key of the item that attributes name; None if they hold the params, as records of an earlier release do."""
    return (partition, params_key("", holder[PARAMS_DIGEST])[1]) if PARAMS_DIGEST in holder else None
