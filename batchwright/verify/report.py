"""How the rows are shown: a table for people, a document for programs.

Owns the words and their order: assumption, what AWS did, verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from batchwright.terminal.tables import Column, Short
from batchwright.verify.assumptions import Row
from batchwright.verify.verdict import Verdict

_COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.BROKEN: "bold red",
    Verdict.NOT_HERE: "dim",
    Verdict.NOT_SEEN: "yellow",
}


def columns(rows: Sequence[Row]) -> list[Column]:
    """The table of all rows."""
    return [
        Column("assumption", [row.assumption.key for row in rows]),
        Column("what is assumed", [row.assumption.sentence for row in rows], least=24, short=Short.LINES),
        Column("what AWS did", [row.judged.told for row in rows], least=24, short=Short.LINES),
        Column("verdict", [Text(row.judged.verdict, style=_COLOURS[row.judged.verdict]) for row in rows]),
    ]


def all_is_well(rows: Sequence[Row]) -> bool:
    return all(row.is_good for row in rows)


def summary(rows: Sequence[Row]) -> str:
    """How many rows came to what, in a line."""
    counts = Counter(row.judged.verdict for row in rows)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def rows_document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "key": row.assumption.key,
            "assumption": row.assumption.sentence,
            "source": row.assumption.source,
            "told": row.judged.told,
            "verdict": row.judged.verdict.value,
        }
        for row in rows
    ]
