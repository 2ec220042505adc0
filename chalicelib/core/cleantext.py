"""Text that somebody else wrote (a reason, a line of a log), made fit to be shown: one line, nothing that a terminal, a
mail reader or a chat obeys, not too long.

Owns how it is made one line. Which characters are taken out is rules.py's, what a chat reads as markup
notice/chat_text.py's.
"""

from __future__ import annotations

import re
import unicodedata

from chalicelib.core.rules import NOT_SHOWN

CUT_MARK = "..."

# The control functions of ECMA-48 and ECMA-35, which colour, move, switch sets of characters, or hand a program a text:
# https://ecma-international.org/publications-and-standards/standards/ecma-48/
# Each may be cut off, as a log's last line is, and none goes beyond its line, or text that nobody hid would be lost.
_LINE_END = r"\n\r\x0b\x0c\x85\u2028\u2029"
_CSI = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
# DCS, SOS, OSC, PM and APC with their texts, until ST; or BEL, as xterm has it. Another ESC breaks a text off.
_STRING = rf"(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c{_LINE_END}]*(?:\x1b\\|[\x07\x9c])?"
# ESC ( B, which `tput sgr0` writes, and its like; ESC 7, ESC c and all others of one more character; ESC alone.
_ESCAPE = r"\x1b(?:[ -/]+[0-~]?|[0-~])?"
_C1 = r"[\x80-\x84\x86-\x9f]"
_ESCAPES = re.compile("|".join((_CSI, _STRING, _ESCAPE, _C1)))
_NEWLINES = re.compile(r"\r\n|[\n\x0b\x0c\x85\u2028\u2029]")
_UNFIT = re.compile(f"[{NOT_SHOWN}]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, characters: int) -> str:
    """The text on one line, of so many characters at most."""
    return cut(" ".join(line for line in clean_lines(text) if line), characters)


def clean_lines(text: str) -> list[str]:
    """The lines of a text. Of one that was written over, as a progress bar is, what stood there last."""
    return [_clean_line(_ESCAPES.sub("", line)) for line in _NEWLINES.split(text)]


def cut(text: str, characters: int) -> str:
    """The beginning of a text that is too long, with a mark at its end."""
    if len(text) <= characters:
        return text
    return text[: max(0, characters - len(CUT_MARK))] + CUT_MARK[:characters]


def folded(line: str, octets: int) -> list[str]:
    """A line as lines of so many octets of UTF-8 at most, of which there must be room for one character. It is folded
    between words where there are any, and nowhere within a character, nor before a mark that belongs to one."""
    lines: list[str] = []
    while len(line.encode()) > octets:
        fits = line.encode()[:octets].decode(errors="ignore")
        space = fits.rfind(" ") + 1
        at = space if fits[:space].strip() else len(fits)
        while at > 1 and unicodedata.combining(line[at]):
            at -= 1
        lines.append(line[:at].rstrip(" "))
        line = line[at:]
    return [*lines, line]


def _clean_line(line: str) -> str:
    shown = [part for part in line.split("\r") if part]
    return _UNFIT.sub(_REPLACEMENT, shown[-1].replace("\t", "    ")).rstrip() if shown else ""
