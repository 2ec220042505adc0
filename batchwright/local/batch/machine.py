"""What the system knows of the processes of this machine: from /proc on Linux, through psutil elsewhere.

Owns the reading. Which process belongs to which job is judged by families.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from dataclasses import dataclass

import psutil

IS_LINUX = sys.platform == "linux"
_SET_CHILD_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of <sys/prctl.h>."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Seen:
    """A process at the moment of the look. `started` tells it from a later one that has the same number."""

    pid: int
    parent: int
    session: int
    started: float
    resident_bytes: int
    is_zombie: bool


def adopt_orphans() -> bool:
    """Make this process the new parent of every descendant whose parent ends. False where no system call does that."""
    if not IS_LINUX:
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def everything() -> dict[int, Seen]:
    """Every process of the machine that this user may look at, by its number."""
    if not IS_LINUX:
        return _everything_by_psutil()
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (seen := _read_stat(int(name))) is not None:
            found[seen.pid] = seen
    return found


def my_children() -> set[int] | None:
    """The numbers of this process's own children, at little cost. None where the system does not say."""
    found: set[int] = set()
    try:
        for thread in os.listdir("/proc/self/task"):
            found.update(int(pid) for pid in _read(f"/proc/self/task/{thread}/children").split())
    except OSError:
        return None
    return found


def variable_of(pid: int, name: str) -> str | None:
    """A variable of the environment that a process was started with. None if it has none, or may not be asked."""
    if not IS_LINUX:
        with contextlib.suppress(psutil.Error, OSError):
            return dict(psutil.Process(pid).environ()).get(name)
        return None
    beginning = f"{name}=".encode()
    with contextlib.suppress(OSError):
        for entry in _read(f"/proc/{pid}/environ").split(b"\0"):
            if entry.startswith(beginning):
                return os.fsdecode(entry[len(beginning) :])
    return None


def proportional_bytes(seen: Seen) -> int:
    """What a process uses of the memory, a page that several share being divided among them. Where the system does not
    say that, what is the process's own; and its resident size where it does not say that either."""
    with contextlib.suppress(OSError):
        for line in _read(f"/proc/{seen.pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(psutil.Error, OSError):
        full = psutil.Process(seen.pid).memory_full_info()
        return int(getattr(full, "pss", full.uss))
    return seen.resident_bytes


def _read(path: str) -> bytes:
    """A whole file of /proc, without the layers of `open`, which cost more than the reading."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _read_stat(pid: int) -> Seen | None:
    try:
        line = _read(f"/proc/{pid}/stat")
    except OSError:
        return None  # it ended in between
    # The name stands in brackets and may hold anything, brackets too.
    state, parent, _, session, *rest = line[line.rindex(b")") + 2 :].split()
    return Seen(pid, int(parent), int(session), float(rest[15]), int(rest[17]) * _PAGE_BYTES, state in b"ZX")


def _everything_by_psutil() -> dict[int, Seen]:
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError), process.oneshot():
            found[process.pid] = Seen(
                process.pid,
                process.ppid(),
                os.getsid(process.pid),
                process.create_time(),
                int(process.memory_info().rss),
                process.status() == psutil.STATUS_ZOMBIE,
            )
    return found
