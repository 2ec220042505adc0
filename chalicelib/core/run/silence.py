"""When nothing was heard of a job for too long. Pure arithmetic on times, in milliseconds."""

from __future__ import annotations


def is_silent(heard_at_ms: int, last_look_ms: int, now_ms: int, quiet_ms: int) -> bool:
    """Whether Batch is to be asked about a job that was last heard of at `heard_at_ms`.

    It is once the silence reaches `quiet_ms`, and again each time that it has doubled, so that a job of a day costs
    a few questions and not hundreds. `last_look_ms` is when this was asked before.
    """
    return _doublings(now_ms - heard_at_ms, quiet_ms) > _doublings(last_look_ms - heard_at_ms, quiet_ms)


def _doublings(silence_ms: int, quiet_ms: int) -> int:
    """0 below `quiet_ms`, 1 from there on, 2 from twice that on, 3 from four times ..."""
    return (max(0, silence_ms) // quiet_ms).bit_length()
