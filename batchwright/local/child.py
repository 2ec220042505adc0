"""A child process that never outlives us: it ends when its stdin closes, however we die.

Both ends are here: `start_module` for the parent, `when_parent_is_gone` for the child.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def start_module(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], log_path: Path
) -> subprocess.Popen[bytes]:
    """Run `python -m module` with `environment` added to ours; its output goes to the log.

    A session of its own keeps Ctrl-C in the terminal to us, who then end things in order.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, "--exit-with-stdin", *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], grace_seconds: float = 5.0) -> None:
    """SIGTERM, and SIGKILL after `grace_seconds`. Twice is once."""
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def when_parent_is_gone(act: Callable[[], object]) -> None:
    """In the child: call `act`, from a thread, once the parent has closed our stdin or died."""

    def wait() -> None:
        sys.stdin.buffer.read()
        act()

    threading.Thread(target=wait, daemon=True, name="parent").start()
