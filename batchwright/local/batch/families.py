"""Which processes of the machine belong to which job attempt, whatever sessions they made and whoever their parent is.

Owns that judgement, and the end of what an attempt leaves behind. A process belongs to an attempt
- if it descends from the attempt's first process, or is of its session,
- if it did so when somebody looked before, or
- if its environment names the attempt; every process inherits that, unless it is thrown away.

On Linux a process whose parent ended becomes a child of this server, so nothing that a job started gets out of sight.
What threw its environment away belongs to no attempt that can be named; it ends with the last job that runs. On other
systems such a process is lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batchwright.local.batch import machine
from batchwright.local.batch.machine import Seen

ATTEMPT = "BATCHWRIGHT_JOB_FOLDER"
"""The variable by which a process names its attempt: the folder that the attempt has for itself."""
END_SECONDS = 2.0
"""How long processes that were killed may take to be gone."""
_AGAIN_SECONDS = 0.01
_NOT_KNOWN = ""
"""Stands for the attempt of a process that came to this server and does not say from which job."""


@dataclass(slots=True)
class Look:
    """What one look at the machine found of this server's jobs, without zombies."""

    members: dict[str, list[Seen]] = field(default_factory=dict)
    """By the attempts that live."""
    left_behind: list[Seen] = field(default_factory=list)
    """Of attempts that are over."""
    not_known: list[Seen] = field(default_factory=list)
    """Of this server's jobs, but nobody can say of which."""

    @property
    def everything(self) -> list[Seen]:
        return [*self.left_behind, *self.not_known, *(one for members in self.members.values() for one in members)]


class Families:
    """The attempts that live, each with its first process."""

    def __init__(self) -> None:
        self._me = os.getpid()
        self._adopts = machine.adopt_orphans()
        self._attempts: dict[int, str] = {}
        self._known: dict[tuple[int, float], str] = {}

    def add(self, first: int, attempt: str) -> None:
        """An attempt began, with this process."""
        self._attempts[first] = attempt

    def remove(self, first: int) -> None:
        """The attempt of this process is over."""
        self._attempts.pop(first, None)

    def look(self) -> Look:
        """The living processes of this server's jobs."""
        seen = machine.everything()
        living, look = set(self._attempts.values()), Look()
        judged: dict[int, str | None] = {}
        for process in seen.values():
            self._judge(process, seen, judged)
        for pid, attempt in judged.items():
            process = seen[pid]
            if attempt is None:
                continue
            if process.is_zombie:
                self._wait_for(process)
            elif attempt == _NOT_KNOWN:
                look.not_known.append(process)
            elif attempt in living:
                look.members.setdefault(attempt, []).append(process)
            else:
                look.left_behind.append(process)
        self._known = {(pid, seen[pid].started): attempt for pid, attempt in judged.items() if attempt}
        return look

    def end_strays(self, look: Look) -> bool:
        """Kill what no living attempt answers for; whether there was something. What is not known to belong to an
        attempt may belong to any that lives."""
        if not self._attempts:
            _kill(look.not_known)
        _kill(look.left_behind)
        return bool(look.not_known or look.left_behind)

    def end_rest_of(self, first: int) -> bool:
        """Kill what is left of an attempt whose first process has ended; False when nothing was left."""
        children = machine.my_children() if self._adopts else None
        if children is not None and children <= self._attempts.keys():
            return False  # the usual case, at the price of a short file
        members = self.look().members.get(self._attempts[first], [])
        _kill(members)
        return bool(members)

    def end_all(self) -> None:
        """Kill every process that the jobs of this server started; return when they are gone."""
        deadline = time.monotonic() + END_SECONDS
        while (found := self.look().everything) and time.monotonic() < deadline:
            _kill(found)
            time.sleep(_AGAIN_SECONDS)

    def _judge(self, process: Seen, seen: Mapping[int, Seen], judged: dict[int, str | None]) -> None:
        """Find the attempt of a process, which is that of its forebears, too. None: it is not of this server."""
        line: list[int] = []
        at: Seen | None = process
        attempt: str | None = None
        while at is not None and attempt is None and at.pid != self._me:
            if at.pid in judged:
                attempt = judged[at.pid]
                break
            line.append(at.pid)
            attempt = self._attempt_known_of(at)
            above = seen.get(at.parent)
            if attempt is None and (above is None or above.pid in (self._me, 1)):
                attempt = self._attempt_named_by(at)
            at = above
        judged.update(dict.fromkeys(line, attempt))

    def _attempt_known_of(self, process: Seen) -> str | None:
        return (
            self._attempts.get(process.pid)
            or self._attempts.get(process.session)
            or self._known.get((process.pid, process.started))
        )

    def _attempt_named_by(self, orphan: Seen) -> str | None:
        came_to_us = orphan.parent == self._me
        if self._adopts and not came_to_us:
            return None
        named = machine.variable_of(orphan.pid, ATTEMPT)
        if came_to_us:
            return named or _NOT_KNOWN
        return named if named in self._attempts.values() else None

    def _wait_for(self, zombie: Seen) -> None:
        """Take the end of an orphan. That of an attempt's first process is taken by who started it."""
        if zombie.pid not in self._attempts and zombie.parent == self._me:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(zombie.pid, os.WNOHANG)


def end_left_behind(work_folder: Path) -> None:
    """Kill the processes of jobs whose server died before it could: those whose attempt's folder is below this one."""
    deadline = time.monotonic() + END_SECONDS
    beginning = f"{work_folder}{os.sep}"
    while (found := _naming(beginning)) and time.monotonic() < deadline:
        _kill(found)
        time.sleep(_AGAIN_SECONDS)


def _naming(beginning: str) -> list[Seen]:
    return [
        one
        for one in machine.everything().values()
        if not one.is_zombie and (machine.variable_of(one.pid, ATTEMPT) or "").startswith(beginning)
    ]


def _kill(processes: Iterable[Seen]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGKILL)
