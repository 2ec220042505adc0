"""How a local AWS ended that nobody stopped: which of its processes died, when, what was lost, and where the reason is.

Owns the record of it and its words. Everything ends with one process; home.py keeps the record in the folder.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

SUPERVISOR = "supervisor"
"""The process that holds the others, as a part."""


@dataclass(frozen=True, slots=True)
class Death:
    """The end of one process, and of the local AWS with it. `exit_code` is negative for a signal; it and `at` (seconds
    since 1970) are None where nobody saw it. `runs` were under way; None: nobody could say."""

    part: str
    pid: int
    log: str
    exit_code: int | None = None
    at: float | None = None
    runs: list[str] | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Death:
        """From its stored form. Raises KeyError and TypeError for what is none."""
        known = {name: document[name] for name in cls.__slots__ if name in document}
        return cls(**known)

    def sentence(self) -> str:
        """What happened, what was lost, and where to read why."""
        # Every command imports this module, and nearly none has something to say with it.
        from batchwright.runs.tree_lines import some_names
        from batchwright.terminal.words import number_of

        lost = "Everything that was in it is lost"
        if self.runs:
            were = "was" if len(self.runs) == 1 else "were"
            lost += f", with {number_of(len(self.runs), 'run')} that {were} under way: {some_names(self.runs)}"
        end = f"the local AWS broke: its {self.part} process ({self.pid}) {self._how()}{self._when()}"
        return f"{end}. {lost}. {self._why()}"

    def _how(self) -> str:
        if self.exit_code is None:
            return "is gone: it was killed, or the machine was restarted"
        if self.exit_code >= 0:
            return f"ended with exit code {self.exit_code}"
        try:
            name = signal.Signals(-self.exit_code).name
        except ValueError:
            name = f"signal {-self.exit_code}"
        return f"was killed by {name}"

    def _when(self) -> str:
        return "" if self.at is None else datetime.fromtimestamp(self.at).strftime(" on %Y-%m-%d at %H:%M:%S")

    def _why(self) -> str:
        last = last_line(Path(self.log))
        return f"Its log is {self.log}" + (f" and ends with: {last}" if last else "; it wrote nothing")


def last_line(log_path: Path) -> str:
    """The last line of a log; empty if there is none."""
    try:
        lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
