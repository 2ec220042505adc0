"""Text made to fit into so many cells of a terminal: cut, or broken into lines.

A cell is what a terminal gives to a letter; letters of some scripts take two. What comes out holds no line ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells, set_cell_size

from batchwright.terminal.terminal import printable

_BETWEEN_PARTS = "   "


def one_line(text: str) -> str:
    """The text on one line, without what moves a cursor."""
    return " ".join(printable(text).split())


def width_of(text: str) -> int:
    """In cells. Most text is ASCII, of which rich would look at each letter."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int, ellipsis: str) -> str:
    """The text, at most `width` cells wide; an ellipsis stands for what had to go."""
    if width_of(text) <= width:
        return text
    room = width - width_of(ellipsis)
    return set_cell_size(text, room).rstrip() + ellipsis if room > 0 else ellipsis[: max(0, width)]


def cut_in_the_middle(text: str, width: int, ellipsis: str) -> str:
    """The text, at most `width` cells wide; an ellipsis stands for what had to go of its middle. Names that are made
    one after another differ at their ends."""
    if width_of(text) <= width:
        return text
    room = width - width_of(ellipsis)
    if room < 2:
        return cut(text, width, ellipsis)
    end = text[-(room // 2) :]
    while width_of(end) > room // 2:
        end = end[1:]
    return set_cell_size(text, room - room // 2).rstrip() + ellipsis + end.lstrip()


def broken(text: str, width: int, lines_maximum: int, ellipsis: str) -> list[str]:
    """The text in lines of at most `width` cells, broken between words where that is possible; the last of at most
    `lines_maximum` lines is cut."""
    width = max(width, 2)
    lines: list[str] = []
    line = ""
    for word in one_line(text).split(" "):
        longer = f"{line} {word}" if line else word
        if width_of(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines.extend(full)
        if len(lines) > lines_maximum:
            break
    lines.append(line)
    if len(lines) > lines_maximum:
        rest = " ".join(lines[lines_maximum - 1 :])
        lines = [*lines[: lines_maximum - 1], cut(rest, width, ellipsis)]
    return lines


def packed(parts: Sequence[str], width: int, ellipsis: str) -> list[str]:
    """Lines of at most `width` cells with these parts one after another; none is broken, one that is wider is cut."""
    lines: list[str] = []
    for part in (cut(one_line(part), width, ellipsis) for part in parts):
        longer = f"{lines[-1]}{_BETWEEN_PARTS}{part}" if lines else part
        if lines and width_of(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines
