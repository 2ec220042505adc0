"""The local AWS that stays up: where its folder is, whether it runs, and how to start and stop it.

Owns `.batchwright/` (or BATCHWRIGHT_HOME), the way to it, and the file in it that says what is running. The local AWS
itself is stack.py's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from batchwright.local.child import python_module
from batchwright.local.death import SUPERVISOR, Death
from batchwright.local.isolation import isolated
from batchwright.local.job_environment import handed_on
from batchwright.local.options import LocalOptions
from batchwright.local.stack import LocalAwsError, last_words
from batchwright.local.version import version_of_code
from chalicelib.core.errors import UserMistake

START_SECONDS = 60.0
STOP_SECONDS = 30.0
TAKEN = 75
"""How a supervisor ends that found another one in its folder."""
HOME = "BATCHWRIGHT_HOME"
FOLDER = ".batchwright"
FORMAT = 2
"""Of the state file, and of what the processes of a local AWS and the commands say to each other. Raise it when code of
one and the same release could not read what code before it wrote."""
_STATE = "local.json"
_DEATH = "died.json"
_LOOK_SECONDS = 0.05


def home() -> Path:
    """The folder of the local AWS: BATCHWRIGHT_HOME, which `batchwright local env` sets, too; else .batchwright of the
    nearest folder that has one up, from where the command was given upwards; else .batchwright there."""
    if named := os.environ.get(HOME):
        return Path(named).absolute()
    here = Path.cwd()
    for folder in _upwards(here):
        if _running_in(folder / FOLDER) is not None:
            return folder / FOLDER
    return here / FOLDER


def looked() -> str:
    """Where a local AWS was looked for, for messages."""
    if named := os.environ.get(HOME):
        return f"in {Path(named).absolute()} ({HOME})"
    return f"in {Path.cwd()} or above it"


def _upwards(here: Path) -> Iterator[Path]:
    """The folder and those that it lies in, up to one that somebody else may write to: what lies there may be
    anybody's."""
    yield here
    for folder in here.parents:
        try:
            known = folder.stat()
        except OSError:
            return
        if known.st_mode & stat.S_IWOTH or known.st_uid not in (os.getuid(), 0):
            return
        yield folder


@dataclass(frozen=True, slots=True)
class Running:
    """A local AWS that is up: its supervisor's process and the variables that point at it."""

    pid: int
    process_started_at: float
    environment: dict[str, str]
    options: list[str]
    version: str = "an older one"
    format: int = 1

    @classmethod
    def read(cls, folder: Path) -> Running | None:
        """From the file in a folder, whichever version wrote it; None if there is none."""
        try:
            document = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            return cls(**{name: document[name] for name in cls.__slots__ if name in document})
        except (OSError, ValueError, TypeError):
            return None

    def check_version(self) -> None:
        """Raises UserMistake if the code that it runs is not the code of this command."""
        if (self.version, self.format) != (version_of_code(), FORMAT):
            raise UserMistake(
                f"the local AWS was started by another version of Batchwright ({self.version}, this is "
                f"{version_of_code()}): batchwright local down, then local up"
            )

    def check(self) -> None:
        """Raises LocalAwsError if it has gone meanwhile, and says how if it was not stopped."""
        folder = Path(self.environment[HOME]) if HOME in self.environment else home()
        death = _death_in(folder)
        if death is not None:
            raise LocalAwsError(death.sentence())
        if not self.is_alive():
            raise LocalAwsError("the local AWS that was up has gone: it was stopped")

    def is_alive(self) -> bool:
        """Whether the supervisor still runs, and is the process that wrote the file."""
        try:
            process = psutil.Process(self.pid)
            started_at: float = process.create_time()
            if process.status() == psutil.STATUS_ZOMBIE:
                return False  # it was killed, and nobody has waited for it yet
        except psutil.Error:
            return False
        return abs(started_at - self.process_started_at) < 1.0


def _state_path() -> Path:
    return home() / _STATE


def running() -> Running | None:
    """The local AWS that is up, or None."""
    return _running_in(home())


def _running_in(folder: Path) -> Running | None:
    state = Running.read(folder)
    return state if state is not None and state.is_alive() else None


def death() -> Death | None:
    """How the last local AWS ended that was up here or above, if nobody stopped it. None while one is up."""
    if running() is not None:
        return None
    if os.environ.get(HOME):
        return _death_in(home())
    return next(filter(None, (_death_in(folder / FOLDER) for folder in _upwards(Path.cwd()))), None)


def _death_in(folder: Path) -> Death | None:
    try:
        return Death.read(json.loads((folder / _DEATH).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        pass
    state = Running.read(folder)
    if state is None or state.is_alive():
        return None
    # Who was to say so is itself the one that died.
    return Death(SUPERVISOR, state.pid, str(folder / "supervisor.log"))


def nothing_is_up(message: str) -> UserMistake:
    """The mistake of asking a local AWS that is not up; it says how the last one ended, unless that was stopped."""
    found = death()
    return UserMistake(message if found is None else f"{message}\n{found.sentence()}")


def write_death(found: Death) -> None:
    """Say that a part of the local AWS of this process died. From now on nothing is up."""
    _write(home() / _DEATH, asdict(found))
    remove_state()


def forget_death() -> None:
    """Say nothing any more of one that died: another is started, or somebody has taken notice."""
    (home() / _DEATH).unlink(missing_ok=True)


def write_state(environment: dict[str, str], options: Sequence[str]) -> None:
    """Say that this process is the supervisor of a local AWS that is up. Atomic: nobody reads half of it."""
    me = psutil.Process()
    state = {
        "pid": me.pid,
        "process_started_at": me.create_time(),
        # Whoever takes the variables over finds it from every folder.
        "environment": {**environment, HOME: str(home())},
        "options": list(options),
        "version": version_of_code(),
        "format": FORMAT,
    }
    _write(_state_path(), state)


def _write(path: Path, document: Mapping[str, object]) -> None:
    draft = path.with_suffix(".new")
    # Only its owner has to read it.
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def remove_state() -> None:
    """Say that nothing is up."""
    _state_path().unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """The right to have a local AWS in this folder, while the process lives; whether it could be had."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def up(options: LocalOptions) -> Running:
    """Start a local AWS that outlives this process, and return once it is ready. Raises LocalAwsError.

    An interrupt ends what was started.
    """
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    log_path = folder / "supervisor.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*python_module("batchwright.local.supervisor"), *options.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=isolated(os.environ, {HOME: str(folder), **handed_on(options.job_environment)}),
            start_new_session=True,
        )
    try:
        return _wait_until_up(process, log_path)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _wait_until_up(process: subprocess.Popen[bytes], log_path: Path) -> Running:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        state = running()
        if state is not None:
            return state
        # One that found the folder taken leaves it to the other, which is about to be ready.
        if process.poll() not in (None, TAKEN):
            break
        time.sleep(_LOOK_SECONDS)
    raise LocalAwsError(f"the local AWS did not start{last_words(log_path)}")


def check_options(options: LocalOptions, state: Running) -> None:
    """Raises UserMistake if a local AWS that is up is of another version, or has other options than are asked for."""
    state.check_version()
    if options.told and options.told != state.options:
        raise UserMistake(
            f"{' '.join(options.told)}: a local AWS is up already and was started with "
            f"{' '.join(state.options) or 'no such option'}; stop it with `batchwright local down` first"
        )


def down() -> bool:
    """Stop the local AWS that is up, and every job in it; whether there was one."""
    state = running()
    if state is None:
        remove_state()
        forget_death()
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor = psutil.Process(state.pid)
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            # What it holds ends with it.
            supervisor.kill()
    remove_state()
    return True
