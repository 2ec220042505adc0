"""What is wrong with the `notify` of a workflow's definition and takes more than one value to judge.

Works on plain data, as `check.py` does; whatever has the wrong shape is left to the models.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.core.mistakes import Mistake
from chalicelib.core.notice.preferences import DURATIONS


def notify_mistakes(notify: Any) -> Iterator[Mistake]:
    """The mistakes of `notify`: a kind that is named twice, or without the duration that it needs, or the reverse."""
    if not isinstance(notify, dict) or not isinstance(notify.get("on"), list):
        return
    kinds = notify["on"]
    for place, kind in enumerate(kinds):
        if isinstance(kind, str) and kind in kinds[:place]:
            yield Mistake(("notify", "on", place), f"on names '{kind}' twice", "once is enough")
    for kind, duration in DURATIONS.items():
        given = notify.get(duration) is not None
        if kind.value in kinds and not given:
            place = kinds.index(kind.value)
            yield Mistake(("notify", "on", place), f"on names '{kind}', and {duration} is missing", f"give {duration}")
        elif given and kind.value not in kinds:
            text = f"{duration} is of no use, for on does not name '{kind}'"
            yield Mistake(("notify", duration), text, f"add {kind} to on, or take {duration} out")
