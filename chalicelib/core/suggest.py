"""Did you mean: the nearest of some known names, and how a value is shown in a message."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

SHOWN_CHARACTERS = 60
_COMPARISONS = 5_000
_CHARACTERS = 256
_CANDIDATES = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPES = {"\n": "\\n", "\t": "\\t"}


class Names:
    """Known names, to find the nearest of an unknown one among. Bounded in work, however many there are of both: after
    so many comparisons it looks no more."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._left = _COMPARISONS
        self._found: dict[str, str | None] = {}

    def nearest(self, name: str) -> str | None:
        """The known name that looks most like `name`, or None."""
        if name not in self._found:
            self._found[name] = self._look(name) if self._left > 0 and len(name) <= _CHARACTERS else None
        return self._found[name]

    def suggestion(self, name: str) -> str | None:
        """`did you mean 'x'?`, or None."""
        nearest = self.nearest(name)
        return None if nearest is None else f"did you mean '{nearest}'?"

    def _look(self, name: str) -> str | None:
        names = self._names
        if len(names) > _CANDIDATES:
            alike = (known for known in names if known[:1] == name[:1] and abs(len(known) - len(name)) <= 2)
            names = [known for known, _ in zip(alike, range(_CANDIDATES), strict=False)]
        self._left -= 1 + len(names)
        lowered = {known.lower(): known for known in reversed(names)}
        found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
        if found:
            return lowered[found[0]]
        abbreviated = [known for known in names if _initials(known) == name.lower()]
        return abbreviated[0] if len(abbreviated) == 1 else None


def _initials(name: str) -> str | None:
    """`oom` of `out_of_memory`: how people call what has a name of several words."""
    words = re.split("[_-]", name.lower())
    return "".join(word[:1] for word in words) if len(words) > 2 else None


def shown(value: Any) -> str:
    """A value in a message, short: `'text'`, `0`, `true`, `a list`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        dots = "" if len(value) <= SHOWN_CHARACTERS else "..."
        return f"'{visible(value[:SHOWN_CHARACTERS])}{dots}'"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    text = str(value) if not isinstance(value, int) or value.bit_length() < 256 else "a very large number"
    return text[:SHOWN_CHARACTERS]


def visible(text: str) -> str:
    """A message is one line, and is read on terminals, which obey control characters."""
    return _CONTROL.sub(lambda found: _ESCAPES.get(found[0]) or _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
