"""How a table fits a terminal: the one place that decides what is shortened, what is left out, and when a row becomes a
block of lines.

What a column may suffer is said by whoever makes it: an id is never touched, for it is copied into commands; names are
shortened first, in the middle, for their ends tell them apart; then whole columns go, and a line says which. Where not
even those fit that always stay, each row is a block of `key value` lines, which the terminal may break as it likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from rich.text import Text

from batchwright.terminal.fitting import broken, cut, cut_in_the_middle, one_line, width_of
from batchwright.terminal.signs import UNICODE

GAP = 2
_LINES_MAXIMUM = 100
_HEADER = "bold"


class Short(Enum):
    """How a cell that is too long is shortened."""

    MIDDLE = "the middle goes"
    END = "the end goes"
    LINES = "it is broken into lines"


@dataclass(frozen=True)
class Column:
    """A column and all its cells, one a row.

    `least`: how narrow it may become, in cells of the terminal, by shortening what it holds; None where nothing may be
    shortened. `goes`: its place among the columns that go, the lowest first; None where it stays. `right`: figures.
    """

    title: str
    cells: Sequence[Text | str]
    least: int | None = None
    goes: int | None = None
    short: Short = Short.MIDDLE
    right: bool = False

    @cached_property
    def texts(self) -> list[Text]:
        """Its cells, each on one line."""
        return [_on_one_line(cell) for cell in self.cells]

    @cached_property
    def natural(self) -> int:
        """The width in which nothing is shortened."""
        return max(width_of(self.title), *(width_of(text.plain) for text in self.texts), 0)

    @property
    def narrowest(self) -> int:
        return self.natural if self.least is None else min(self.natural, max(self.least, width_of(self.title)))


def table_lines(
    columns: Sequence[Column],
    width: int | None,
    *,
    indent: int = 0,
    between: Mapping[int, Sequence[Text]] = {},
    ellipsis: str = UNICODE.ellipsis,
) -> list[Text]:
    """The table, at most `width` cells wide; None: as wide as it comes. No line ends in a space. Each row is moved to
    the right by `indent`; the lines `between` stand before the row of their number."""
    room = None if width is None else width - indent
    shown = _that_fit(columns, room)
    if shown is None:
        return _blocks(columns, indent, between)
    widths = _widths(shown, room)
    lines = [_line([Text(column.title, style=_HEADER) for column in shown], shown, widths, indent)]
    for number in range(_rows_of(columns) + 1):
        lines += between.get(number, ())
        if number < _rows_of(columns):
            cells = [_cell(column.texts[number], column.short, widths[column.title], ellipsis) for column in shown]
            for height in range(max(map(len, cells))):
                parts = [cell[height] if height < len(cell) else Text() for cell in cells]
                lines.append(_line(parts, shown, widths, indent))
    gone = [column.title for column in columns if column.title not in widths]
    if gone:
        enough = indent + _total({column.title: column.narrowest for column in columns})
        them = "it" if len(gone) == 1 else "them"
        note = f"No room for {_listed(gone)}: --json or {enough} columns show {them}."
        lines += [Text(line, style="dim") for line in broken(note, width or len(note), _LINES_MAXIMUM, ellipsis)]
    return lines


def _that_fit(columns: Sequence[Column], room: int | None) -> list[Column] | None:
    """The columns that are shown side by side; None when not even those fit that always stay."""
    widths = {column.title: column.narrowest for column in columns}
    going = sorted((column.goes, column.title) for column in columns if column.goes is not None)
    while room is not None and _total(widths) > room:
        if not going:
            return None
        del widths[going.pop(0)[1]]
    return [column for column in columns if column.title in widths]


def _widths(columns: Sequence[Column], room: int | None) -> dict[str, int]:
    """The width of each column by its title: the widest that may be narrower gives way first."""
    widths = {column.title: column.natural for column in columns}
    least = {column.title: column.narrowest for column in columns}
    while room is not None and _total(widths) > room:
        widest = max((title for title in widths if widths[title] > least[title]), key=lambda title: widths[title])
        widths[widest] -= 1
    return widths


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _cell(cell: Text, short: Short, width: int, ellipsis: str) -> list[Text]:
    """A cell in lines of at most that width: one, unless it is broken into several."""
    text = cell.plain
    if width_of(text) <= width:
        return [cell]
    match short:
        case Short.MIDDLE:
            lines = [cut_in_the_middle(text, width, ellipsis)]
        case Short.END:
            lines = [cut(text, width, ellipsis)]
        case Short.LINES:
            lines = broken(text, width, _LINES_MAXIMUM, ellipsis)
    return [Text(line, style=cell.style) for line in lines]


def _line(cells: Sequence[Text], columns: Sequence[Column], widths: Mapping[str, int], indent: int) -> Text:
    line = Text(" " * indent)
    for number, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        padding = " " * (widths[column.title] - width_of(cell.plain))
        line.append(" " * (GAP if number else 0) + (padding if column.right else ""))
        line.append_text(cell)
        line.append("" if column.right else padding)
    line.rstrip()
    return line


def _blocks(columns: Sequence[Column], indent: int, between: Mapping[int, Sequence[Text]]) -> list[Text]:
    """A row as lines of a key and its value, and a line without anything between two rows. Nothing is shortened."""
    width = max(width_of(column.title) for column in columns)
    lines: list[Text] = []
    for number in range(_rows_of(columns) + 1):
        lines += between.get(number, ())
        if number == _rows_of(columns):
            break
        if lines and number not in between:
            lines.append(Text())
        for column in columns:
            if value := column.texts[number]:
                key = f"{column.title}{' ' * (width - width_of(column.title))}"
                lines.append(Text(" " * indent).append(key, style=_HEADER).append("  ").append_text(value))
    return lines


def _rows_of(columns: Sequence[Column]) -> int:
    return len(columns[0].cells)


def _listed(titles: Sequence[str]) -> str:
    return ", ".join(titles[:-1]) + f" and {titles[-1]}" if len(titles) > 1 else titles[0]


def _on_one_line(cell: Text | str) -> Text:
    if isinstance(cell, str):
        return Text(one_line(cell))
    text = one_line(cell.plain)
    return cell if text == cell.plain else Text(text, style=cell.style)
