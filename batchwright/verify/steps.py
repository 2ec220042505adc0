"""What a person sees while verify works: a line a step, redrawn on a terminal, written once a change elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table


class Steps(Protocol):
    """Shows how far each step is."""

    def show(self, step: str, text: str) -> None: ...

    def count(self, step: str, text: str) -> None:
        """As `show`, for what changes so often that only a display which is redrawn bears it."""
        ...

    def close(self) -> None: ...


class NoSteps:
    """Shows nothing: beside a JSON document."""

    def show(self, step: str, text: str) -> None:
        pass

    def count(self, step: str, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class LiveSteps:
    """A table that is redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._texts: dict[str, str] = {}
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")
        self._live.start()

    def show(self, step: str, text: str) -> None:
        if self._texts.get(step) == text:
            return
        self._texts[step] = text
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, told in self._texts.items():
            table.add_row(f"[bold]{name}[/bold]", told)
        self._live.update(table, refresh=True)

    def count(self, step: str, text: str) -> None:
        self.show(step, text)

    def close(self) -> None:
        self._live.stop()


class PlainSteps:
    """A line for every change."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._texts: dict[str, str] = {}

    def show(self, step: str, text: str) -> None:
        if self._texts.get(step) != text:
            self._texts[step] = text
            self._write(f"{step}: {text}")

    def count(self, step: str, text: str) -> None:
        pass

    def close(self) -> None:
        pass
