"""Which attempt a process belongs to, with real processes: as on Linux, and as where orphans go to process 1."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchwright.local.batch import machine
from batchwright.local.batch.families import ATTEMPT, end_left_behind

FAMILY = """
import json, os, subprocess, sys, time
from pathlib import Path
from batchwright.local.batch import machine
from batchwright.local.batch.families import ATTEMPT, Families
machine.IS_LINUX = {is_linux}
families = Families()
pid_file = Path({pid_file!r})
daemon = (
    "import os, time; os.setsid(); os.fork() and os._exit(0);"
    f"open({{str(pid_file)!r}}, 'w').write(str(os.getpid())); time.sleep(600)"
)
first = subprocess.Popen(
    [sys.executable, "-c", f"import os, time; os.fork() or exec({{daemon!r}}); time.sleep(600)"],
    env={{**os.environ, ATTEMPT: "/work/one"}}, start_new_session=True,
)
families.add(first.pid, "/work/one")
other = subprocess.Popen(["sleep", "600"], env={{**os.environ, ATTEMPT: "/work/two"}}, start_new_session=True)
families.add(other.pid, "/work/two")
while not pid_file.exists() or not pid_file.read_text():
    time.sleep(0.01)
orphan = int(pid_file.read_text())
look = families.look()
members = {{one.pid for one in look.members["/work/one"]}}
assert members >= {{first.pid, orphan}} and other.pid not in members, (members, first.pid, orphan)
assert [one.pid for one in look.members["/work/two"]] == [other.pid]
assert not look.left_behind and not look.not_known, look
os.kill(first.pid, 9)
while families.end_rest_of(first.pid):
    time.sleep(0.01)
first.wait()
families.remove(first.pid)
assert "/work/one" not in families.look().members
assert other.poll() is None
families.end_all()
print(other.wait(5))
"""


@pytest.mark.parametrize("is_linux", [True, False])
def test_a_daemon_is_of_the_attempt_that_its_environment_names(is_linux: bool, tmp_path: Path) -> None:
    source = FAMILY.format(is_linux=is_linux, pid_file=str(tmp_path / "pid"))
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "-9\n"), done.stderr


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes that sleep, with an attempt's folder in their environment."""
    started: list[subprocess.Popen[bytes]] = []

    def start(attempt: Path) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sleep", "600"], env={ATTEMPT: str(attempt), "PATH": os.environ["PATH"]}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("is_linux", [True, False])
def test_the_jobs_of_a_server_that_died_are_ended_and_no_others(
    is_linux: bool, sleeper: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "IS_LINUX", is_linux and machine.IS_LINUX)
    ours, others = sleeper(tmp_path / "jobs" / "one"), sleeper(tmp_path / "jobs-of-another" / "one")
    end_left_behind(tmp_path / "jobs")
    assert ours.wait(5) == -9
    assert others.poll() is None


def test_a_look_says_what_the_system_says() -> None:
    seen = machine.everything()[os.getpid()]
    assert (seen.parent, seen.session, seen.is_zombie) == (os.getppid(), os.getsid(0), False)
    assert 5e6 < machine.proportional_bytes(seen) <= seen.resident_bytes * 1.1


SHARED = """
import os, time
from batchwright.local.batch import machine
from batchwright.local.batch.memory import exceeds
block = bytearray(os.urandom(1024) * 1024 * 128)
children = []
for _ in range(4):
    pid = os.fork()
    if not pid:
        time.sleep(600)
        os._exit(0)
    children.append(pid)
everything = machine.everything()
family = [everything[pid] for pid in (os.getpid(), *children)]
resident_bytes = sum(one.resident_bytes for one in family)
print(resident_bytes > 5 * len(block), exceeds(family, 2 * len(block)), exceeds(family, len(block)))
for pid in children:
    os.kill(pid, 9)
"""


def test_pages_that_are_shared_count_once() -> None:
    """In a process of its own, because how large that of the tests is depends on the tests before."""
    done = subprocess.run([sys.executable, "-c", SHARED], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True False True\n", done
