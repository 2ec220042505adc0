"""Ctrl-C, SIGTERM and a closed terminal: the first one asks, a second one breaks off, cleaning up is not disturbed.

Owns the signal handlers of a command that runs in the foreground. For the main thread only.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Counts interrupts. The second one is raised as KeyboardInterrupt, wherever the program is by then."""

    def __init__(self) -> None:
        self._first = threading.Event()

    @property
    def asked(self) -> bool:
        """Whether there was one."""
        return self._first.is_set()

    def wait(self, seconds: float) -> bool:
        """Pause for so long, or until an interrupt; whether there was one."""
        return self._first.wait(seconds)

    def note(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self._first.is_set():
            signal.default_int_handler(number, frame)
        self._first.set()


@contextmanager
def raised() -> Iterator[None]:
    """Every interrupt is a KeyboardInterrupt in here."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def counted() -> Iterator[Interrupts]:
    """The first interrupt is only counted in here."""
    interrupts = Interrupts()
    with _handled(interrupts.note):
        yield interrupts


@contextmanager
def ignored() -> Iterator[None]:
    """Interrupts do nothing in here: for cleaning up, which must be short."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: Any) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # What our own parent had ignored (nohup, a background job) stays ignored.
    ours = {number: known for number, known in before.items() if known is not signal.SIG_IGN}
    for number in ours:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, known in ours.items():
            signal.signal(number, known)
