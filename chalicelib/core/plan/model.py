"""A plan: a workflow compiled into numbered tasks.

Owns the graph, its digest and its chunks. `task.py` says what a task is, and `encoding.py` how a plan is stored.
`definition/compile.py` makes a plan out of a workflow, and `run/advance.py` says what a plan means for a run. Nothing
here needs pydantic, so a Lambda that only follows events never loads it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from chalicelib.core import limits
from chalicelib.core.errors import Defect
from chalicelib.core.gc_pause import collector_paused
from chalicelib.core.plan.encoding import decode, encode
from chalicelib.core.plan.task import PlannedTask, Text


@dataclass(frozen=True)
class Plan:
    """Tasks numbered 0..n-1 in topological order, with parents and children as index lists.

    `parents[i]` and `children[i]` are ascending; every parent's index is lower than its child's. Immutable, and
    named by `digest`: equal content has an equal digest whatever the version of the workflow it came from.
    """

    workflow: str
    tasks: tuple[PlannedTask, ...]
    parents: tuple[tuple[int, ...], ...]

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        lists: list[list[int]] = [[] for _ in self.tasks]
        for child, parents in enumerate(self.parents):
            for parent in parents:
                lists[parent].append(child)
        return tuple(map(tuple, lists))

    @cached_property
    def roots(self) -> tuple[int, ...]:
        return tuple(index for index, parents in enumerate(self.parents) if not parents)

    @cached_property
    def index_of(self) -> dict[str, int]:
        return {task.name: index for index, task in enumerate(self.tasks)}

    @cached_property
    def array_sizes(self) -> dict[int | Text, tuple[int, ...]]:
        """By the size as it is written, the indexes of the arrays that have it."""
        found: dict[int | Text, list[int]] = {}
        for index, task in enumerate(self.tasks):
            if task.job.array_size is not None:
                found.setdefault(task.job.array_size, []).append(index)
        return {size: tuple(indexes) for size, indexes in found.items()}

    @property
    def shard_count(self) -> int:
        return -(-len(self.tasks) // limits.SHARD_SIZE)

    def shard_size(self, shard: int) -> int:
        """How many tasks the shard holds: 256, but for the last one."""
        return min(limits.SHARD_SIZE, len(self.tasks) - shard * limits.SHARD_SIZE)

    def parent_masks(self, index: int) -> dict[int, int]:
        """The parents of a task by shard, each shard's as a bit mask of offsets. Kept, for a fan-in asks often."""
        masks = self._masks.get(index)
        if masks is None:
            masks = self._masks[index] = mask_by_shard(self.parents[index])
        return masks

    @cached_property
    def _masks(self) -> dict[int, dict[int, int]]:
        return {}

    @cached_property
    def allowed_failures(self) -> dict[int, int]:
        """By shard, the mask of tasks without whose results the run can succeed."""
        return mask_by_shard(index for index, task in enumerate(self.tasks) if task.allow_failure)

    @cached_property
    def content(self) -> bytes:
        """The canonical form: what the digest names and what the chunks hold, compressed."""
        return encode(self.workflow, self.tasks, self.parents)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def chunks(self) -> list[bytes]:
        """The compressed content in pieces that fit a DynamoDB item each."""
        packed = zlib.compress(self.content, 6)
        size = limits.PLAN_CHUNK_BYTES
        return [packed[start : start + size] for start in range(0, len(packed), size)]

    @classmethod
    @collector_paused()
    def from_chunks(cls, digest: str, chunks: Sequence[bytes]) -> Plan:
        """The plan whose chunks these are; raises Defect when they do not add up to that digest."""
        content = zlib.decompress(b"".join(chunks))
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise Defect(f"the chunks of plan {digest} hold plan {found}")
        return cls(*decode(digest, content))


def shard_of(index: int) -> int:
    return index // limits.SHARD_SIZE


def offset_of(index: int) -> int:
    """A task's place within its shard, 0..255: what the tally's sets hold."""
    return index % limits.SHARD_SIZE


def mask_by_shard(indexes: Iterable[int]) -> dict[int, int]:
    """Task indexes as one bit mask of offsets a shard."""
    masks: dict[int, int] = {}
    for index in indexes:
        shard, offset = divmod(index, limits.SHARD_SIZE)
        masks[shard] = masks.get(shard, 0) | 1 << offset
    return masks


def indexes_in(shard: int, mask: int) -> list[int]:
    """The task indexes that a shard's bit mask names, ascending."""
    first = shard * limits.SHARD_SIZE
    indexes = []
    while mask:
        low = mask & -mask
        indexes.append(first + low.bit_length() - 1)
        mask ^= low
    return indexes
