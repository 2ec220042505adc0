"""The server leaves nothing behind, however it ends; and it idles without using a core."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from batchwright.local.batch.client import LocalBatch, LocalBatchError

from .account import BatchAccount, wait_for
from .conftest import StartBatch

pytestmark = pytest.mark.long

IGNORE_SIGTERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def running_jobs(server: LocalBatch) -> list[int]:
    """Start two jobs, one of which ignores SIGTERM; the pids of their processes."""
    account = BatchAccount(server.endpoint_url)
    for source in (IGNORE_SIGTERM, "import time; time.sleep(600)"):
        account.reach(account.python(source), "RUNNING")
    children = psutil.Process(server.pid).children(recursive=True)
    assert len(children) == 2
    return [child.pid for child in children]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_every_job(start_batch: StartBatch, number: signal.Signals) -> None:
    server = start_batch()
    pids = running_jobs(server)
    os.kill(server.pid, number)
    wait_for(lambda: not any(is_alive(pid) for pid in pids), "the jobs' processes to end", 5)
    wait_for(lambda: not is_alive(server.pid), "the server to end", 5)


def test_a_job_that_is_being_terminated_does_not_outlive_the_server(start_batch: StartBatch, tmp_path: Path) -> None:
    server = start_batch("--kill-grace-seconds", "60")
    account = BatchAccount(server.endpoint_url)
    ready = tmp_path / "ready"
    ignore = IGNORE_SIGTERM.replace("time.sleep", f"open({str(ready)!r}, 'w'); time.sleep")
    job_id = account.python(ignore)
    wait_for(ready.exists, "the job to ignore SIGTERM")
    (job,) = psutil.Process(server.pid).children(recursive=True)
    account.batch.terminate_job(jobId=job_id, reason="enough")
    server.stop()
    wait_for(lambda: not is_alive(job.pid), "the job to end", 5)


def test_the_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    """The starter is killed with SIGKILL, so nothing but the closed stdin can tell the server."""
    source = f"""
import time
from pathlib import Path
from batchwright.local.batch.client import LocalBatch
server = LocalBatch(Path({str(tmp_path / "work")!r}), Path({str(tmp_path / "log")!r}))
server.start()
print(server.pid, server.endpoint_url, flush=True)
time.sleep(600)
"""
    starter = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    try:
        pid, endpoint_url = starter.stdout.readline().split()
        account = BatchAccount(endpoint_url)
        account.reach(account.submit("sleep", "600"), "RUNNING")
        (job,) = psutil.Process(int(pid)).children()
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()
    wait_for(lambda: not is_alive(int(pid)), "the server to end", 5)
    wait_for(lambda: not is_alive(job.pid), "the job to end", 5)


def test_working_folders_vanish_with_their_attempts(start_batch: StartBatch, tmp_path: Path) -> None:
    server = start_batch()
    account = BatchAccount(server.endpoint_url)
    source = "import pathlib; pathlib.Path('made/by').mkdir(parents=True); pathlib.Path('made/by/me').write_text('x')"
    assert account.finish(account.python(source))["status"] == "SUCCEEDED"
    assert list((tmp_path / "work").iterdir()) == []


def test_a_wrong_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    server = LocalBatch(tmp_path / "work", tmp_path / "log", ["--duplicate", "2"])
    with pytest.raises(LocalBatchError, match="did not start"):
        server.start()
    assert "--duplicate: 2 is not between 0 and 1" in (tmp_path / "log").read_text(encoding="utf-8")


def test_an_idle_server_uses_hardly_any_cpu(start_batch: StartBatch) -> None:
    """Measured with a job that runs and one that waits: neither is looked at over and over."""
    server = start_batch()
    account = BatchAccount(server.endpoint_url, vcpus=1)
    account.finish(account.submit())
    measured = psutil.Process(server.pid)
    assert cpu_share(measured, 2.0) < 0.02
    account.reach(account.submit("sleep", "600"), "RUNNING")
    account.submit()
    # The memory watch looks five times a second while something runs.
    assert cpu_share(measured, 2.0) < 0.15


def cpu_share(process: psutil.Process, seconds: float) -> float:
    """The part of one core that the process used within the next `seconds`."""
    before = process.cpu_times()
    begun = time.monotonic()
    time.sleep(seconds)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return float(used / (time.monotonic() - begun))
