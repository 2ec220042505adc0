"""A job's processes are its own, whatever sessions they make: they count for its memory and end with it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from batchwright.local.batch.client import LocalBatch

from .account import BatchAccount, wait_for
from .conftest import StartBatch

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"

LEAVE = """
import os, sys, time
from pathlib import Path
def leave(pid_file, then, clean=False):
    # A daemon by the book: fork, setsid, fork. Its parent is gone, and so are group and session.
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    Path(pid_file).write_text(str(os.getpid()))
    os.execve(sys.executable, [sys.executable, "-c", then], {} if clean else dict(os.environ))
def wait_for(path):
    while not Path(path).exists() or not Path(path).read_text():
        time.sleep(0.01)
"""


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pid_in(path: Path) -> int:
    return int(wait_for(lambda: path.exists() and path.read_text(), f"a process id in {path}"))


def leaving(pid_file: Path, then: str = "import time; time.sleep(600)", clean: bool = False) -> str:
    return f"{LEAVE}\nleave({str(pid_file)!r}, {then!r}, {clean})\nwait_for({str(pid_file)!r})\n"


def memory(mib: int) -> dict[str, object]:
    return {"resourceRequirements": [{"type": "MEMORY", "value": str(mib)}]}


def test_pages_that_forks_share_count_once(account: BatchAccount) -> None:
    source = (
        "import os, time\n"
        "block = bytearray(100 * 1024 * 1024)\n"
        "for i in range(0, len(block), 4096): block[i] = 1\n"
        "children = []\n"
        "for _ in range(8):\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        time.sleep(1.2)\n"
        "        os._exit(0)\n"
        "    children.append(pid)\n"
        "print(sum(os.waitpid(pid, 0)[1] for pid in children))\n"
    )
    job = account.finish(account.python(source, overrides=memory(256)))
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0), job["container"]


def test_what_forks_do_not_share_counts_for_each(account: BatchAccount) -> None:
    source = (
        "import os, time\n"
        "for _ in range(4):\n"
        "    if not os.fork():\n"
        "        block = bytearray(os.urandom(1024) * 1024 * 40)\n"
        "        time.sleep(600)\n"
        "time.sleep(600)\n"
    )
    job = account.finish(account.python(source, overrides=memory(128)))
    assert job["container"].get("reason") == OUT_OF_MEMORY


def test_a_process_that_left_the_session_counts_for_the_memory(account: BatchAccount, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    hog = "import os, time; block = os.urandom(1024) * 1024 * 128; time.sleep(600)"
    job = account.finish(account.python(leaving(pid_file, hog) + "time.sleep(600)", overrides=memory(64)))
    assert job["container"].get("reason") == OUT_OF_MEMORY
    wait_for(lambda: not is_alive(pid_in(pid_file)), "the daemon to end", 5)


@pytest.mark.parametrize("ending", ["by itself", "terminated", "timeout"])
def test_a_process_that_left_the_session_ends_with_its_job(account: BatchAccount, tmp_path: Path, ending: str) -> None:
    pid_file = tmp_path / "pid"
    stay = "" if ending == "by itself" else "time.sleep(600)"
    more = {"timeout": {"attemptDurationSeconds": 1}} if ending == "timeout" else {}
    job_id = account.python(leaving(pid_file) + stay, **more)
    daemon = pid_in(pid_file)
    if ending == "terminated":
        account.batch.terminate_job(jobId=job_id, reason="enough")
    assert account.finish(job_id)["status"] == ("SUCCEEDED" if ending == "by itself" else "FAILED")
    # What a job leaves behind is gone before its end is told.
    assert not is_alive(daemon)


def test_a_process_that_left_the_session_of_one_job_is_not_ended_with_another(
    account: BatchAccount, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    stays = account.python(leaving(pid_file) + "time.sleep(600)")
    daemon = pid_in(pid_file)
    assert account.finish(account.submit("true"))["status"] == "SUCCEEDED"
    assert is_alive(daemon)
    account.batch.terminate_job(jobId=stays, reason="enough")
    account.finish(stays)
    assert not is_alive(daemon)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans come to the server on Linux alone")
def test_what_no_job_can_be_named_for_ends_with_the_last_job(start_batch: StartBatch, tmp_path: Path) -> None:
    """It left the session and its parent, and threw the environment away."""
    server = start_batch()
    account = BatchAccount(server.endpoint_url)
    pid_file = tmp_path / "pid"
    account.finish(account.python(leaving(pid_file, clean=True)))
    wait_for(lambda: not is_alive(pid_in(pid_file)), "the daemon to end", 5)


def test_a_process_that_left_the_session_ends_with_the_server(start_batch: StartBatch, tmp_path: Path) -> None:
    server = start_batch()
    account = BatchAccount(server.endpoint_url)
    pid_files = [tmp_path / "pid", tmp_path / "clean.pid"]
    source = leaving(pid_files[0]) + leaving(pid_files[1], clean=True) + "time.sleep(600)"
    account.reach(account.python(source), "RUNNING")
    daemons = [pid_in(path) for path in pid_files]
    server.stop()
    assert not any(is_alive(pid) for pid in daemons)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans come to the server on Linux alone")
def test_orphans_that_end_by_themselves_leave_no_zombie(start_batch: StartBatch, tmp_path: Path) -> None:
    server: LocalBatch = start_batch()
    account = BatchAccount(server.endpoint_url)
    pid_file = tmp_path / "pid"
    job_id = account.python(leaving(pid_file, "pass") + "time.sleep(600)")
    orphan = pid_in(pid_file)
    wait_for(lambda: not psutil.pid_exists(orphan), "the orphan to be waited for", 5)
    assert account.status(job_id) == "RUNNING"
    os.kill(server.pid, signal.SIGTERM)
