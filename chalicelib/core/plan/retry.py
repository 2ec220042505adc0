"""Whether a failed attempt is followed by another, when, and with what changed. A decision, made apart from the acting.

Everything follows from the policy and the task's failures so far, so that a repeated handling, or another invocation
that takes over, comes to the same. Failures are counted in buckets: a class that the policy names has its own; the
others share the policy's `attempts`, or, if it gives none, those of infrastructure share a default.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.core.batch.result import JobResult
from chalicelib.core.failure import INFRASTRUCTURE, NEVER_RETRIED, FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.limits import TASK_ATTEMPTS_MAXIMUM
from chalicelib.core.plan.task import ClassPolicy, RetryPolicy

OF_ARRAYS = frozenset({FailureClass.DEPENDENCY, FailureClass.REFUSED, FailureClass.UNKNOWN})
"""The classes that an array can fail of. Batch does not tell what its children died of: only that one failed."""

INFRASTRUCTURE_ATTEMPTS = 3
"""Attempts when infrastructure fails and the policy does not say otherwise: two retries."""
INFRASTRUCTURE_BACKOFF_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, this many milliseconds from now."""

    after_ms: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No attempt is left: the task has failed."""


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Failures that are counted together. The `limit`-th is final."""

    limit: int
    backoff_seconds: int
    holds: Callable[[FailureClass], bool]


def after_failure(
    policy: RetryPolicy,
    attempt: Attempt,
    result: JobResult,
    past: Sequence[JobResult],
    *,
    memory_mib: int | None = None,
) -> Retry | GiveUp:
    """What follows the failure of `attempt`.

    `past` is what its task's record holds of earlier attempts of the epoch, oldest first. `memory_mib` is what the
    attempt had, as far as it is known: a job that ran out of memory at its policy's maximum would do so again.
    """
    failures = (*past, result)
    if len(failures) >= TASK_ATTEMPTS_MAXIMUM:
        return GiveUp()
    failure = _class_of(result)
    if failure is FailureClass.OUT_OF_MEMORY and memory_mib is not None:
        mine = _named(policy, failure)
        if mine and mine.memory_factor is not None and _multiplied(memory_mib, mine) <= memory_mib:
            return GiveUp()
    bucket = _bucket(policy, failure)
    count = sum(bucket.holds(_class_of(one)) for one in failures)
    if count >= bucket.limit:
        return GiveUp()
    full_ms = _full_pause_ms(policy, bucket.backoff_seconds, count)
    return Retry(_drawn(attempt, full_ms) if policy.jitter else full_ms)


def memory_after(policy: RetryPolicy, memory_mib: int, failures: Sequence[JobResult]) -> int:
    """The memory of the attempt that follows these failures, of a task that began with `memory_mib`."""
    for result in failures:
        mine = _named(policy, _class_of(result))
        if mine and mine.memory_factor is not None:
            memory_mib = _multiplied(memory_mib, mine)
    return memory_mib


def queue_after(policy: RetryPolicy, failures: Sequence[JobResult]) -> str | None:
    """The queue (as written) that the last of these failures to name one asks for; None for the task's own."""
    for result in reversed(failures):
        mine = _named(policy, _class_of(result))
        if mine and mine.queue is not None:
            return mine.queue
    return None


def attempts_allowed(policy: RetryPolicy, failures: Sequence[JobResult]) -> int:
    """The m of "attempt n of m": how many attempts there are at most if the job goes on to fail as it did last."""
    if not failures:
        return policy.attempts or 1
    bucket = _bucket(policy, _class_of(failures[-1]))
    count = sum(bucket.holds(_class_of(one)) for one in failures)
    return min(TASK_ATTEMPTS_MAXIMUM, len(failures) + max(0, bucket.limit - count))


def attempts_at_most(policy: RetryPolicy) -> int:
    """How many attempts there can be if every one fails, each of whatever class leaves most."""
    retries = sum(one.attempts - 1 for one in policy.on)
    if policy.attempts is not None:
        retries += policy.attempts - 1
    elif not {one.failure for one in policy.on} >= INFRASTRUCTURE:
        retries += INFRASTRUCTURE_ATTEMPTS - 1
    return min(TASK_ATTEMPTS_MAXIMUM, 1 + retries)


def full_pauses_seconds(policy: RetryPolicy, failure: FailureClass) -> tuple[float, ...]:
    """The pauses between attempts that all fail by this class, before chance shortens them; none if it is final."""
    bucket = _bucket(policy, failure)
    return tuple(_full_pause_ms(policy, bucket.backoff_seconds, count) / 1000 for count in range(1, bucket.limit))


def _class_of(result: JobResult) -> FailureClass:
    return result.failure or FailureClass.UNKNOWN


def _named(policy: RetryPolicy, failure: FailureClass) -> ClassPolicy | None:
    return next((one for one in policy.on if one.failure is failure), None)


def _bucket(policy: RetryPolicy, failure: FailureClass) -> _Bucket:
    default_seconds = INFRASTRUCTURE_BACKOFF_SECONDS if failure in INFRASTRUCTURE else 0
    backoff_seconds = default_seconds if policy.backoff_seconds is None else policy.backoff_seconds
    named = {one.failure for one in policy.on}
    if failure in NEVER_RETRIED:
        return _Bucket(1, 0, lambda other: other is failure)
    mine = _named(policy, failure)
    if mine:
        own_seconds = backoff_seconds if mine.backoff_seconds is None else mine.backoff_seconds
        return _Bucket(mine.attempts, own_seconds, lambda other: other is failure)
    if policy.attempts is not None:
        return _Bucket(policy.attempts, backoff_seconds, lambda other: other not in named)
    if failure in INFRASTRUCTURE:
        return _Bucket(INFRASTRUCTURE_ATTEMPTS, backoff_seconds, lambda other: other in INFRASTRUCTURE - named)
    return _Bucket(1, 0, lambda other: other is failure)


def _multiplied(memory_mib: int, mine: ClassPolicy) -> int:
    """Rounded up, and never less than it was: a maximum below the beginning changes nothing."""
    assert mine.memory_factor is not None and mine.memory_maximum_mib is not None
    return max(memory_mib, min(mine.memory_maximum_mib, math.ceil(memory_mib * mine.memory_factor)))


def _full_pause_ms(policy: RetryPolicy, backoff_seconds: int, count: int) -> int:
    """The pause after the `count`-th failure of a bucket, before chance shortens it."""
    most = max(policy.backoff_max_seconds, backoff_seconds)
    return int(1000 * min(most, backoff_seconds * policy.backoff_factor ** (count - 1)))


def _drawn(attempt: Attempt, full_ms: int) -> int:
    """A number from 0 to `full_ms`, evenly spread over attempts and always the same for one.

    Full jitter, so that what failed together does not come back together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    name = f"{attempt.run_id}/{attempt.epoch}/{attempt.index}/{attempt.number}"
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return drawn * (full_ms + 1) >> 64
