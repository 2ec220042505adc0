"""Which jobs a monitor watches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from chalicelib.core.batch.job_record import JobRecord, ManagedBy


class WatchedKind(StrEnum):
    """Whose jobs, and which."""

    FOREIGN = "foreign"
    """No run submitted it."""
    STEP_FUNCTIONS = "step_functions"
    """A state machine of Step Functions submitted it."""
    OWN = "own"
    """A run submitted it."""
    SINGLE = "single"
    """A job of one container."""
    ARRAY = "array"
    """An array job. The parent stands for its children."""
    MULTI_NODE = "multi_node"
    """A job of several nodes."""


_WHOSE = (WatchedKind.FOREIGN, WatchedKind.STEP_FUNCTIONS, WatchedKind.OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A monitor's name, and which jobs it watches. An empty tuple of patterns or kinds is all."""

    name: str
    description: str | None = None
    queues: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    kinds: tuple[WatchedKind, ...] = ()

    @property
    def watches_own(self) -> bool:
        """Whether jobs of our own runs may be among those that it watches."""
        return WatchedKind.OWN in self.kinds or not self._names_whose

    @property
    def watches_foreign(self) -> bool:
        """Whether jobs of others may be."""
        return any(one in _WHOSE and one is not WatchedKind.OWN for one in self.kinds) or not self._names_whose

    @property
    def _names_whose(self) -> bool:
        return any(one in _WHOSE for one in self.kinds)

    def watches(self, job: JobRecord) -> bool:
        """Whether it is about that job."""
        return (
            _fits(self.queues, job.queue)
            and _fits(self.names, job.name)
            and _fits(self.definitions, job.definition, definition_name(job.definition))
            and self._is_of_kind(job)
        )

    def _is_of_kind(self, job: JobRecord) -> bool:
        kinds = kinds_of(job)
        groups = ([one for one in self.kinds if one in _WHOSE], [one for one in self.kinds if one not in _WHOSE])
        return all(not group or any(one in kinds for one in group) for group in groups)


def kinds_of(job: JobRecord) -> frozenset[WatchedKind]:
    """What a job is: whose, and which."""
    whose = {WatchedKind.FOREIGN} if job.is_foreign else {WatchedKind.OWN}
    if job.managed_by is ManagedBy.STEP_FUNCTIONS:
        whose.add(WatchedKind.STEP_FUNCTIONS)
    if job.array_size is not None:
        return frozenset({*whose, WatchedKind.ARRAY})
    return frozenset({*whose, WatchedKind.SINGLE if job.nodes is None else WatchedKind.MULTI_NODE})


def definition_name(definition: str) -> str:
    """A job definition's name, without its revision."""
    return definition.partition(":")[0]


def _fits(patterns: Iterable[str], *names: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
