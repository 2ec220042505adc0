"""The console of commands: rich's, on which text from elsewhere is nothing but text (terminal.py says which is)."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from batchwright.terminal.terminal import printable, shown_in


class PlainConsole(Console):
    """A console on which nothing is printed but what is printable, and its own colours. A letter that its terminal does
    not have is shown as a question mark."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(shown_in(printable(segment.text), self.encoding), segment.style)
