"""`python -m batchwright.local.batch`: prints its endpoint as one JSON line, and runs until told to end.

Owns: the reasons to end (SIGTERM, SIGINT, the end of stdin) and the limit on open files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys

from batchwright.local.batch.options import Options, read_options
from batchwright.local.batch.server import Server

# The event loop gives up the interpreter at every system call; with the usual 5 ms the publisher's thread would
# keep it waiting that long each time, which made starting a process five times slower.
SWITCH_SECONDS = 0.0002


async def run(options: Options) -> None:
    """Serve until a signal, or the end of stdin, says otherwise."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if options.exit_with_stdin:
        _watch_stdin(loop, ended)
    server = Server(options, loop)
    endpoint_url = await server.start()
    print(json.dumps({"endpoint_url": endpoint_url}), flush=True)
    await ended.wait()
    await server.stop()


def _watch_stdin(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    fd = sys.stdin.fileno()
    os.set_blocking(fd, False)

    def look() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(fd, 4096):
                loop.remove_reader(fd)
                ended.set()

    loop.add_reader(fd, look)


def _allow_many_files() -> None:
    """A running job takes two descriptors, and the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Parse, serve, end."""
    options = read_options()
    sys.setswitchinterval(SWITCH_SECONDS)
    _allow_many_files()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
