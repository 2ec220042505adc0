"""Starts a job's command as a process group of its own, reads what it writes, and notices its end.

Owns: pipes, signals, and the notice of an end. Does not own time-outs, states or limits: it offers `terminate` and
`kill`, and calls back. On Linux the kernel tells the event loop of an end through a pidfd; elsewhere one waiting
thread a process does. Nothing looks at a clock to find out.

As with a container, the end of the main process is the end of all. What is left of its group is killed then, and what
left the group, too: the caller says with `end_rest` which processes those are.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

READ_BYTES = 65536
# More than a pipe holds; a process that left the session may hold the pipe open and write on.
DRAIN_READS = 32
END_REST_SECONDS = 2.0
END_REST_AGAIN_SECONDS = 0.01
_RUNTIME = "OCI runtime create failed: runc create failed: unable to start container process: "
"""What runc says before the reason why a program cannot be executed."""


class CannotStart(Exception):
    """The command could not be executed; the message is what a container runtime would say."""


class JobProcess:
    """A running process group. `on_output(data)` gets raw bytes; `on_exit(exit_code)` is called once, last.

    `end_rest(pid)` kills what the process started and is not of its group, and says whether there was something.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[int], None],
        end_rest: Callable[[int], bool],
    ) -> None:
        self.pid = 0
        self._loop = loop
        self._on_output = on_output
        self._on_exit = on_exit
        self._end_rest = end_rest
        self._popen: subprocess.Popen[bytes] | None = None
        self._read_fd = -1
        self._pid_fd = -1
        self._reading = False
        self._kill_timer: asyncio.TimerHandle | None = None

    def start(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Execute `command` (no shell) in `folder`. Raises CannotStart when that is not possible."""
        if not command:
            raise CannotStart(f'{_RUNTIME}exec: "": the job has no command')
        read_fd, write_fd = os.pipe()
        try:
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=write_fd,
                stderr=write_fd,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            os.close(read_fd)
            raise CannotStart(_why(command[0], error)) from error
        finally:
            os.close(write_fd)
        self.pid = self._popen.pid
        os.set_blocking(read_fd, False)
        self._read_fd = read_fd
        self._watch_output()
        self._watch_end()

    def terminate(self, kill_after_seconds: float) -> None:
        """SIGTERM to the group now, SIGKILL if it still lives after `kill_after_seconds`."""
        self._signal(signal.SIGTERM)
        if self._kill_timer is None:
            self._kill_timer = self._loop.call_later(kill_after_seconds, self.kill)

    def kill(self) -> None:
        """SIGKILL to the group."""
        self._signal(signal.SIGKILL)

    def pause_output(self) -> None:
        """Stop reading; the writer blocks once the pipe is full."""
        if self._reading:
            self._loop.remove_reader(self._read_fd)
            self._reading = False

    def resume_output(self) -> None:
        if self._read_fd >= 0 and not self._reading:
            self._watch_output()

    def _signal(self, number: signal.Signals) -> None:
        if self._popen is not None and self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _watch_output(self) -> None:
        self._loop.add_reader(self._read_fd, self._read)
        self._reading = True

    def _read(self) -> bool:
        """Read once. Returns False when there is nothing more to read."""
        try:
            data = os.read(self._read_fd, READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._on_output(data)
            return True
        self.pause_output()
        return False

    def _watch_end(self) -> None:
        try:
            self._pid_fd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or no descriptor left
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
        else:
            self._loop.add_reader(self._pid_fd, self._ended)

    def _wait_in_thread(self) -> None:
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            # macOS has none before Python 3.13. The end is then noticed by taking it, and no zombie keeps the number.
            assert self._popen is not None
            self._popen.wait()
        self._loop.call_soon_threadsafe(self._ended)

    def _ended(self) -> None:
        assert self._popen is not None
        if self._pid_fd >= 0:
            self._loop.remove_reader(self._pid_fd)
            os.close(self._pid_fd)
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        # The leader is a zombie until it is waited for, so its group id cannot be somebody else's yet.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._end_what_is_left(self._loop.time() + END_REST_SECONDS)

    def _end_what_is_left(self, until: float) -> None:
        """Kill again what is still there, because it may have started more meanwhile."""
        if self._end_rest(self.pid) and self._loop.time() < until:
            self._loop.call_later(END_REST_AGAIN_SECONDS, self._end_what_is_left, until)
        else:
            self._finish()

    def _finish(self) -> None:
        assert self._popen is not None
        return_code = self._popen.wait()
        for _ in range(DRAIN_READS):
            if not self._read():
                break
        self.pause_output()
        os.close(self._read_fd)
        self._read_fd = -1
        self._on_exit(return_code if return_code >= 0 else 128 - return_code)


def _why(program: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f'{_RUNTIME}exec: "{program}": executable file not found in $PATH'
    if isinstance(error, PermissionError):
        return f'{_RUNTIME}exec: "{program}": permission denied'
    if isinstance(error, OSError) and error.errno == errno.ENOEXEC:
        return f'{_RUNTIME}exec: "{program}": exec format error'
    return f'exec: "{program}": {error}'
