"""A job's end is noticed on every system, also where the kernel does not tell the event loop of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from batchwright.local.batch.processes import JobProcess

LINUX_ALONE = ("pidfd_open",)
"""What macOS does not have. Before Python 3.13 there is no `waitid` there, either."""
SECONDS = 20.0


async def exit_code_of(*command: str) -> tuple[int, bytes]:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    written: list[bytes] = []
    process = JobProcess(loop, written.append, ended.set_result, lambda pid: False)
    process.start(command, Path.cwd(), {"PATH": os.environ["PATH"]})
    return await asyncio.wait_for(ended, SECONDS), b"".join(written)


@pytest.mark.parametrize(
    "missing", [(), LINUX_ALONE, (*LINUX_ALONE, "waitid")], ids=["linux", "macos-3.13", "macos-3.11"]
)
def test_the_end_of_a_process_is_noticed(missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in missing:
        monkeypatch.delattr(os, name, raising=False)
    assert asyncio.run(exit_code_of("sh", "-c", "echo last words; exit 3")) == (3, b"last words\n")
