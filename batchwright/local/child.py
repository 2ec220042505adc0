"""Child processes that never outlive us: they end when their stdin closes, however we die.

Both ends are here. A `Child` loads its module's imports at once and waits; `begin` gives it its arguments and its
variables. So children load side by side, while what they will be told is still being found out.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from batchwright.local.isolation import isolated


def python_module(module: str) -> list[str]:
    """The command line that runs a module, whatever lies in the current folder."""
    return [sys.executable, "-P", "-m", module]


class Child:
    """`main()` of a module in a process of its own. What it writes to stderr goes to the log; what it writes to
    stdout too, unless it `answers`: then the first line of that is read with `first_line`.

    A session of its own keeps Ctrl-C in the terminal to us, who then end things in order.
    """

    def __init__(self, module: str, log_path: Path, *, answers: bool = False) -> None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*python_module("batchwright.local.child"), module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if answers else log,
                stderr=log,
                env=isolated(os.environ, {}),
                start_new_session=True,
            )

    def begin(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Let it run with these arguments, and `environment` added to ours. A child that died does not matter here."""
        assert self.process.stdin is not None
        given = {"arguments": list(arguments), "environment": isolated(os.environ, environment)}
        try:
            self.process.stdin.write(json.dumps(given).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # whoever waits for it sees that it has ended

    def first_line(self, timeout_seconds: float) -> bytes:
        """The first line that it answers; nothing when it ended or the time is over."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + timeout_seconds
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                data = os.read(self.process.stdout.fileno(), 4096) if ready else b""
                if not data:
                    return b""
                line += data
        return line

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def ask_to_end(self) -> None:
        """SIGTERM, without waiting."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            # Nothing is ever left in the buffer, so closing writes nothing.
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def end(self, grace_seconds: float = 5.0) -> None:
        """SIGTERM, and SIGKILL after `grace_seconds`. Twice is once."""
        self.ask_to_end()
        try:
            self.process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def when_parent_is_gone(act: Callable[[], object]) -> None:
    """In the child: call `act`, from a thread, once the parent has closed our stdin or died."""

    def wait() -> None:
        sys.stdin.buffer.read()
        act()

    threading.Thread(target=wait, daemon=True, name="parent").start()


def main() -> None:
    """In the child: load the module, wait for what it is to do, and do it."""
    name = sys.argv[1]
    module = import_module(name)
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the parent needs us no more
    given = json.loads(line)
    os.environ.clear()
    os.environ.update(given["environment"])
    sys.argv = [name, "--exit-with-stdin", *given["arguments"]]
    module.main()


if __name__ == "__main__":
    main()
