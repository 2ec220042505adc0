"""Text that somebody else wrote (a reason, a line of a log), made fit to be shown: one line, nothing that a terminal, a
mail reader or a chat obeys, not too long.

Owns how it is made one line. Which characters are taken out is rules.py's, what a chat reads as markup chat_text.py's.
"""

from __future__ import annotations

import re

from chalicelib.core.rules import NOT_SHOWN

CUT_MARK = "..."

# Sequences that colour or move: ESC [ ... letter; ESC ] ... until BEL or ESC \; and ESC with one more character.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_NEWLINES = re.compile(r"\r\n|[\n\x0b\x0c\x85\u2028\u2029]")
_UNFIT = re.compile(f"[{NOT_SHOWN}]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, characters: int) -> str:
    """The text on one line, of so many characters at most."""
    return cut(" ".join(line for line in clean_lines(text) if line), characters)


def clean_lines(text: str) -> list[str]:
    """The lines of a text. Of one that was written over, as a progress bar is, what stood there last."""
    return [_clean_line(line) for line in _NEWLINES.split(_ESCAPES.sub("", text))]


def cut(text: str, characters: int) -> str:
    """The beginning of a text that is too long, with a mark at its end."""
    if len(text) <= characters:
        return text
    return text[: max(0, characters - len(CUT_MARK))] + CUT_MARK[:characters]


def _clean_line(line: str) -> str:
    shown = [part for part in line.split("\r") if part]
    return _UNFIT.sub(_REPLACEMENT, shown[-1].replace("\t", "    ")).rstrip() if shown else ""
