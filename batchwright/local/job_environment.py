"""What the jobs of a local AWS find in their environment because somebody asked for it, or called from somewhere.

Owns how that is written on a command line, how it gets to another process unseen, and the PATH of jobs. What a job gets
in all is put together by batch/attempts.py.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

HANDED_ON = "BATCHWRIGHT_JOB_ENVIRONMENT"
"""The variable that hands the variables of jobs to the process that holds a local AWS. Everybody on the machine may
read a command line; only its owner may read a process's environment."""

_VIRTUAL_ENVIRONMENTS = ("VIRTUAL_ENV", "CONDA_PREFIX")
_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")


def read_assignment(text: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """NAME=VALUE, or NAME alone for the value that it has among `variables`. Raises ValueError with a sentence."""
    name, sign, value = text.partition("=")
    if not name:
        raise ValueError(f"{text!r} is neither NAME=VALUE nor NAME")
    if not sign:
        if name not in variables:
            raise ValueError(f"{name} is not set here, so jobs cannot get its value; write {name}=VALUE, or set it")
        value = variables[name]
    return name, value


def jobs_path(variables: Mapping[str, str]) -> str:
    """The PATH of jobs: the virtual environment that is active in `variables`, then that of the running interpreter,
    then the system's folders."""
    active = (Path(variables[name]) / "bin" for name in _VIRTUAL_ENVIRONMENTS if variables.get(name))
    folders = [next((str(folder) for folder in active if folder.is_dir()), ""), own_folder(), *_SYSTEM]
    return ":".join(dict.fromkeys(filter(None, folders)))


def own_folder() -> str:
    """The folder of the running interpreter."""
    return str(Path(sys.executable).parent)


def handed_on(job_environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that hands these on; nothing if there are none."""
    return {HANDED_ON: json.dumps(dict(job_environment))} if job_environment else {}


def take_over(variables: MutableMapping[str, str]) -> dict[str, str]:
    """What was handed on; it is taken out of `variables`, because nobody else is to inherit it."""
    given: dict[str, str] = json.loads(variables.pop(HANDED_ON, "{}"))
    return given


def told(job_environment: Mapping[str, str]) -> list[str]:
    """The options as they may be shown and stored: a value shows only whether it is the same as another."""
    return [f"--job-environment={name}=#{_mark(value)}" for name, value in job_environment.items()]


def _mark(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:8]
