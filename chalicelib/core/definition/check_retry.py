"""What is wrong with a task's `retry` that takes more than one value to judge: memory to multiply, and pauses.

Works on plain data, as `check.py` does; whatever has the wrong shape is left to the models (`model.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib.core import rules
from chalicelib.core.failure import FailureClass
from chalicelib.core.mistakes import Mistake, Path, label_of
from chalicelib.core.plan.retry import OF_ARRAYS

NEVER_OF_AN_ARRAY = (
    "never applies to an array, because AWS Batch says of a failed array only that a child failed: its class is "
    "dependency"
)
WORKS_FOR_AN_ARRAY = (
    "name dependency, or give attempts: all children run again; the job definition's retryStrategy retries single "
    "children"
)


def retry_mistakes(path: Path, task: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[Mistake]:
    """The mistakes in the `retry` that holds for the task at `path`; in the defaults' one, those against this task."""
    own = "retry" in task
    retry = (task if own else defaults).get("retry")
    if not isinstance(retry, dict):
        return
    where: Path = (*path, "retry")
    if own:
        yield from _pause_mistakes(where, retry)
        yield from _array_mistakes(where, retry, task["array"] if "array" in task else defaults.get("array"))
    memory_mib = task["memory_mib"] if "memory_mib" in task else defaults.get("memory_mib")
    on = retry.get("on")
    for name, one in on.items() if isinstance(on, dict) else ():
        growth = one.get("memory_mib") if isinstance(one, dict) else None
        if not isinstance(growth, dict):
            continue
        wanted: Path = (*where, "on", name, "memory_mib")
        if memory_mib is None:
            # The default policy is at fault only together with this task, so the task is where to look.
            at: Path = wanted if own else (*path, "memory_mib")
            text = f"{label_of(wanted)} {rules.NO_MEMORY_TO_MULTIPLY.text}"
            yield Mistake(at, text, rules.NO_MEMORY_TO_MULTIPLY.suggestion, at_key=True)
        elif _is_number(memory_mib) and _is_number(growth.get("maximum")):
            broken = rules.memory_maximum_rule(growth["maximum"], memory_mib)
            if broken:
                at = (*wanted, "maximum") if own or "memory_mib" not in task else (*path, "memory_mib")
                yield Mistake(at, f"{label_of((*wanted, 'maximum'))} {broken.text}", broken.suggestion)


def _array_mistakes(where: Path, retry: Mapping[str, Any], array: Any) -> Iterator[Mistake]:
    """Classes that the failures of an array never have. An array whose size is a param may be a single job."""
    on = retry.get("on")
    given: Mapping[str, Any] = array if isinstance(array, dict) else {}
    labels = given.get("labels")
    size: Any = given.get("size", len(labels) if isinstance(labels, list) else None)
    if not _is_number(size) or size < 2 or not isinstance(on, dict):
        return
    for name in never_of_arrays(on):
        at: Path = (*where, "on", name)
        yield Mistake(at, f"{label_of(at)} {NEVER_OF_AN_ARRAY}", WORKS_FOR_AN_ARRAY, at_key=True)


def never_of_arrays(names: Iterable[str]) -> list[str]:
    """Those of these classes that no array ever fails of; a name that is no class is told elsewhere."""
    return [name for name in names if name in tuple(FailureClass) and name not in OF_ARRAYS]


def default_retry_mistakes(defaults: Mapping[str, Any]) -> Iterator[Mistake]:
    """The mistakes in the defaults' `retry` that no task is needed to see."""
    retry = defaults.get("retry")
    if isinstance(retry, dict):
        yield from _pause_mistakes(("defaults", "retry"), retry)


def _pause_mistakes(where: Path, retry: Mapping[str, Any]) -> Iterator[Mistake]:
    most: Any = retry.get("backoff_max_seconds")
    on = retry.get("on")
    pauses: list[tuple[Path, Any]] = [((*where, "backoff_seconds"), retry.get("backoff_seconds"))]
    for name, one in on.items() if isinstance(on, dict) else ():
        if isinstance(one, dict):
            pauses.append(((*where, "on", name, "backoff_seconds"), one.get("backoff_seconds")))
    for at, pause in pauses:
        if _is_number(most) and _is_number(pause) and pause > most:
            yield Mistake(at, f"{label_of(at)} must be no more than backoff_max_seconds, {most:,}, not {pause:,}")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
