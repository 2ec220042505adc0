"""A retry policy in words, for `batchwright plan`."""

from __future__ import annotations

from functools import cache

from chalicelib.core.failure import INFRASTRUCTURE, NEVER_RETRIED, FailureClass
from chalicelib.core.plan.retry import full_pauses_seconds
from chalicelib.core.plan.task import RetryPolicy


@cache
def retry_words(policy: RetryPolicy) -> str:
    """`spot: 3 attempts, pauses up to 10, 20 s, then on queue on-demand; other failures: no retry`."""
    named = {one.failure for one in policy.on}
    parts = []
    for one in policy.on:
        memory = queue = ""
        if one.memory_factor is not None:
            memory = f", memory times {one.memory_factor:g} up to {one.memory_maximum_mib:,} MiB"
        if one.queue is not None:
            queue = f", then on queue {one.queue}"
        parts.append(f"{one.failure}: {_attempts(policy, one.failure)}{memory}{queue}")
    infrastructure = [failure for failure in FailureClass if failure in INFRASTRUCTURE - named]
    others = [failure for failure in FailureClass if failure not in NEVER_RETRIED | INFRASTRUCTURE | named]
    # The pause of infrastructure's failures is another unless the policy gives one.
    same = infrastructure and others and _attempts(policy, infrastructure[0]) == _attempts(policy, others[0])
    if infrastructure and not same:
        parts.append(f"{', '.join(infrastructure)}: {_attempts(policy, infrastructure[0])}")
    if others:
        parts.append(f"{'other failures' if parts else 'any failure'}: {_attempts(policy, others[0])}")
    return "; ".join(parts)


def _attempts(policy: RetryPolicy, failure: FailureClass) -> str:
    pauses = full_pauses_seconds(policy, failure)
    if not pauses:
        return "no retry"
    if not any(pauses):
        return f"{len(pauses) + 1} attempts without a pause"
    told = ", ".join(f"{pause:,.10g}" for pause in pauses)
    return f"{len(pauses) + 1} attempts, pause{'s' if pauses[1:] else ''} {'up to ' if policy.jitter else ''}{told} s"
