"""Several invocations at once, one of which runs at a time: who it is, the test decides.

Owns the threads and the turns. An invocation that pauses keeps its stack and goes on from there when its turn comes,
so any interleaving of port calls can be played, and the same decisions play the same one again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class _Worker:
    """A thread that runs one function after another, and only while somebody waits for it."""

    idle: list[_Worker] = []

    def __init__(self) -> None:
        self.act: Callable[[], None] = lambda: None
        self.busy = False
        self._go = threading.Lock()
        self._back = threading.Lock()
        self._go.acquire()
        self._back.acquire()
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        while True:
            self._go.acquire()
            self.act()
            self.busy = False
            self._back.release()

    def step(self) -> None:
        """Let the function run until it pauses or ends."""
        self._go.release()
        self._back.acquire()

    def pause(self) -> None:
        """Called by the function itself: wait for the next turn."""
        self._back.release()
        self._go.acquire()


class Turn:
    """One invocation: `act` runs on a thread of its own, from one `pause` to the next, at every `step`.

    An exception that `act` lets through is kept in `raised`.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        self.raised: BaseException | None = None
        self._act = act
        self._worker = _Worker.idle.pop() if _Worker.idle else _Worker()
        self._worker.act = self._run
        self._worker.busy = True

    def _run(self) -> None:
        try:
            self._act()
        except BaseException as raised:
            self.raised = raised

    def step(self) -> bool:
        """Go on until the next pause; whether there is one, and not the end."""
        self._worker.step()
        if self._worker.busy:
            return True
        _Worker.idle.append(self._worker)
        return False

    def pause(self) -> None:
        self._worker.pause()
