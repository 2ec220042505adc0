"""The rules for single values of tasks and monitors, in one place for literal and rendered values alike.

Every rule returns None when the value keeps it, else what is wrong: a text that follows the name of the field
("must be 1 or more, not 0"), and perhaps a suggestion. The limits themselves are in `limits.py`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.core import limits
from chalicelib.core.failure import NEVER_RETRIED, FailureClass
from chalicelib.core.suggest import Names, shown

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
"""Names of workflows and tasks. A job name cannot hold the dot, so it is replaced there.

This and every other pattern of a whole text has no anchors, and Python holds a text to it with `fullmatch`."""

CONTROL_CHARACTERS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""Within a class of a regular expression: those that text for people may not have; a tab and a line end it may."""
CONTROL = r"\x00-\x1f\x7f-\x9f"
"""Likewise: those that a name may not have. A tab and a line end are among them."""
NOT_SHOWN = CONTROL_CHARACTERS + r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff"
"""Likewise: those that text from elsewhere is never shown with. Beside control characters what turns the direction of
other text around, halves of characters, which nobody can write, and what no XML may hold."""
PEOPLES_TEXT_PATTERN = f"[^{CONTROL_CHARACTERS}]*"
PEOPLES_TEXT = "text without control characters other than tabs and line ends"

SCHEDULE_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
WATCH_PATTERN = r"[A-Za-z0-9_*?:-]{1,128}"
"""Of names, with wildcards; a job definition's may go on with `:` and a revision."""
RESERVED_PARAMETER_PREFIX = "batchwright_"
ARRAY_LABEL_CHARACTERS = 64
TAG_KEY_CHARACTERS = 128
TAG_VALUE_CHARACTERS = 256
BACKOFF_SECONDS_MAXIMUM = 86_400

_BITS_MAXIMUM = 63
_LOOKED_AT = 256
"""Characters of a wrong name that are searched for the odd one."""
_BATCH_NAME = r"[A-Za-z0-9_-]{1,128}"
_ARN = r"arn:[A-Za-z0-9-]+:batch:[A-Za-z0-9-]*:[0-9]*:"
_JOB_DEFINITION = re.compile(rf"(?:{_ARN}job-definition/)?{_BATCH_NAME}(?::[1-9][0-9]*)?")
_QUEUE = re.compile(rf"(?:{_ARN}job-queue/)?{_BATCH_NAME}")
_CONTROL = re.compile("[" + CONTROL + "]")
_PEOPLES_TEXT = re.compile(PEOPLES_TEXT_PATTERN)


class Broken(NamedTuple):
    """A rule that a value breaks: `text` follows the name of the field."""

    text: str
    suggestion: str | None = None


Rule = Callable[[Any], Broken | None]


@dataclass(frozen=True, slots=True)
class Keeps:
    """Beside a field's type, for a field of a file: the rule that its value keeps, and the regular expression that a
    JSON Schema has for it."""

    rule: Rule
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class NumberRule:
    """A number from `minimum` to `maximum`; `small` are further values, below the minimum or not whole.

    Unless `whole`, it may have decimals."""

    minimum: float
    maximum: float | None = None
    small: tuple[float, ...] = ()
    suggestion: str | None = None
    whole: bool = True

    def __call__(self, value: Any) -> Broken | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            quoted = isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)
            return Broken(f"must be a number, not {shown(value)}", "take the quotes away" if quoted else None)
        if value in self.small:
            return None
        if isinstance(value, int) and value.bit_length() > _BITS_MAXIMUM:
            return Broken(f"must not be {shown(value)}")
        if not math.isfinite(value) or (self.whole and not self._is_whole(value)):
            return Broken(f"must be a whole number, not {shown(value)}", self.suggestion)
        if value < self.minimum:
            return Broken(f"must be {self.minimum:,.10g} or more, not {value:,.10g}", self.suggestion)
        if self.maximum is not None and value > self.maximum:
            return Broken(f"must be {self.maximum:,.10g} or less, not {value:,.10g}", self.suggestion)
        return None

    def _is_whole(self, value: float) -> bool:
        # 2.0 is whole only where a number with decimals could stand.
        return value == int(value) and (bool(self.small) or isinstance(value, int))


NUMBERS: dict[str, NumberRule] = {
    "vcpus": NumberRule(1, small=(0.25, 0.5), suggestion="only Fargate takes less: 0.25 or 0.5"),
    "memory_mib": NumberRule(4),
    "gpus": NumberRule(1, suggestion="leave it out for none"),
    "array_size": NumberRule(
        0,
        limits.ARRAY_SIZE_MAXIMUM,
        suggestion="an array has up to 10,000 jobs; one of 1 is a single job, one of 0 is skipped",
    ),
    "timeout_seconds": NumberRule(limits.TIMEOUT_SECONDS_MINIMUM, suggestion="Batch knows no shorter time-out"),
    "attempts": NumberRule(1, limits.ATTEMPTS_MAXIMUM, suggestion="1 is no retry"),
    "backoff_seconds": NumberRule(0, BACKOFF_SECONDS_MAXIMUM, suggestion="a day is the longest pause"),
    "backoff_factor": NumberRule(1, 10, suggestion="1 keeps the pause as it is", whole=False),
    "backoff_max_seconds": NumberRule(0, BACKOFF_SECONDS_MAXIMUM, suggestion="a day is the longest pause"),
    "memory_factor": NumberRule(1.1, 10, suggestion="2 doubles the memory each time", whole=False),
    "memory_maximum_mib": NumberRule(4),
    "than_seconds": NumberRule(60, 30 * 86_400, suggestion="monitors look every five minutes"),
    "than_p95_times": NumberRule(1, 100, suggestion="1.5 is half as long again as 19 of 20 jobs take", whole=False),
    "at_least_seconds": NumberRule(0, 30 * 86_400),
    "above": NumberRule(0, 0.99, suggestion="0.2 is one job in five", whole=False),
    "over_at": NumberRule(0, 0.99, suggestion="0.1 is one job in ten", whole=False),
    "within_seconds": NumberRule(300, 86_400, suggestion="five minutes to a day"),
    "at_least_jobs": NumberRule(1, 100_000),
    "notify_after_seconds": NumberRule(
        limits.NOTIFY_AFTER_SECONDS_MINIMUM,
        limits.NOTIFY_AFTER_SECONDS_MAXIMUM,
        suggestion="60 seconds to 365 days; runs and jobs are looked at every few minutes",
    ),
    "log_lines": NumberRule(0, limits.NOTICE_LOG_LINES_MAXIMUM, suggestion="0 for none"),
}
"""The numbers of a task and of a monitor, by field."""

NO_MEMORY_TO_MULTIPLY = Broken("multiplies memory_mib, which is missing", "give memory_mib in the task or in defaults")


def anchored(pattern: str) -> str:
    """The pattern of a whole text in the form of JSON Schema and OpenAPI, which search for it.

    There `$` is the end of the text (ECMA-262, 22.2.2.4). Python's `$` also matches before a last line end, so no code
    searches for an anchored pattern."""
    return f"^(?:{pattern})$" if "|" in pattern else f"^{pattern}$"


def description_rule(value: str) -> Broken | None:
    """What people read on their terminals does nothing to them."""
    return None if _PEOPLES_TEXT.fullmatch(value) else Broken(f"must be {PEOPLES_TEXT}, not {shown(value)}")


def name_rule(value: str) -> Broken | None:
    """The name of a workflow or of a task."""
    return name_broken(
        value,
        NAME_PATTERN,
        "1 to 128 letters, digits, '-', '_' and '.', the first a letter or a digit: it becomes part of job names",
    )


def name_broken(value: str, pattern: str, rule: str) -> Broken | None:
    """What is wrong with a name that must keep a pattern of ASCII; `rule` says the pattern in words.

    A character that cannot be seen, or looks like another one, is named."""
    if re.fullmatch(pattern, value):
        return None
    if value.endswith("\n") and re.fullmatch(pattern, value.strip()):
        return Broken(f"{shown(value)} is not a valid name: it ends in a line end", "YAML's '>' adds one and '>-' none")
    odd = next((one for one in value[:_LOOKED_AT] if not one.isascii() or not one.isprintable()), None)
    if odd is None:
        return Broken(f"{shown(value)} is not a valid name", rule)
    return Broken(f"{shown(value)} is not a valid name: it has {_named(odd)}", rule)


def _named(character: str) -> str:
    """A character by its code and its name, because it may look like another one, or like nothing."""
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"


def schedule_name_rule(value: str) -> Broken | None:
    return name_broken(
        value, SCHEDULE_NAME_PATTERN, "1 to 64 letters, digits, '-', '_' and '.', the first a letter or a digit"
    )


def monitor_name_rule(value: str) -> Broken | None:
    """The name of a monitor: part of the ids of what it says, and of keys of the table."""
    return schedule_name_rule(value)


def watch_rule(value: str) -> Broken | None:
    """A pattern of names of queues, jobs or job definitions."""
    if value.startswith("arn:"):
        return Broken(f"must be a name, not the ARN {shown(value)}", f"write '{value.rpartition('/')[2]}'")
    if re.fullmatch(WATCH_PATTERN, value):
        return None
    return Broken(
        f"must be a name or a pattern of names, not {shown(value)}",
        "letters, digits, '-' and '_', '*' for any of them, '?' for one",
    )


def job_definition_rule(value: str) -> Broken | None:
    if _JOB_DEFINITION.fullmatch(value):
        return None
    return Broken(
        f"must be a name, name:revision or an ARN, not {shown(value)}",
        "names hold letters, digits, '-' and '_' (up to 128)",
    )


def array_label_rule(value: str) -> Broken | None:
    """A child is also named by its number, so a label must not look like one."""
    if not value.strip() or len(value) > ARRAY_LABEL_CHARACTERS or any(not one.isprintable() for one in value):
        return Broken(f"must be 1 to {ARRAY_LABEL_CHARACTERS} printable characters, not {shown(value)}")
    if value.isdigit():
        return Broken(f"must not be a number, not {shown(value)}", "a child's number is 0 for the first one")
    return None


def repeated_label_rule(labels: Iterable[str]) -> Broken | None:
    """A label that two children of one array have."""
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            return Broken(f"has the label {shown(label)} twice")
        seen.add(label)
    return None


def array_labels_mistake(value: Any) -> tuple[str, Broken] | None:
    """The first thing that is wrong with the value of a param that names an array's children: where, behind
    `array.labels`, and what."""
    if not isinstance(value, list):
        return "", Broken(f"must be a list of labels, not {shown(value)}")
    for place, label in enumerate(value):
        if not isinstance(label, str):
            return f"[{place}]", Broken(f"must be a string, not {shown(label)}")
        if broken := array_label_rule(label):
            return f"[{place}]", broken
    repeated = repeated_label_rule(value)
    return ("", repeated) if repeated else None


def queue_rule(value: str) -> Broken | None:
    if _QUEUE.fullmatch(value):
        return None
    return Broken(
        f"must be the name or the ARN of a job queue, not {shown(value)}",
        "names hold letters, digits, '-' and '_' (up to 128)",
    )


_RETRIED = tuple(failure.value for failure in FailureClass if failure not in NEVER_RETRIED)


def failure_class_rule(value: str) -> Broken | None:
    """The name of a failure class that a policy may speak of."""
    if value in NEVER_RETRIED:
        return Broken(f"must not name {shown(value)}", "what somebody ended on purpose is never retried")
    if value in _RETRIED:
        return None
    suggestion = Names(_RETRIED).suggestion(value) or f"known classes: {', '.join(_RETRIED)}"
    return Broken(f"names {shown(value)}, which is no class of failures", suggestion)


def memory_maximum_rule(maximum_mib: int, memory_mib: int) -> Broken | None:
    """How far a policy lets the memory of a task grow."""
    if maximum_mib > memory_mib:
        return None
    return Broken(f"must be more than the task's memory_mib of {memory_mib:,}, not {maximum_mib:,}")


def environment_name_rule(value: str) -> Broken | None:
    if value.startswith(limits.RESERVED_ENVIRONMENT_PREFIX):
        return Broken(f"must not name {shown(value)}", "Batch keeps the prefix AWS_BATCH_ to itself")
    return _entry_name(value, "=")


def parameter_name_rule(value: str) -> Broken | None:
    if value.startswith(RESERVED_PARAMETER_PREFIX):
        return Broken(f"must not name {shown(value)}", f"the prefix {RESERVED_PARAMETER_PREFIX} tells whose a job is")
    return _entry_name(value, "")


def tag_name_rule(value: str) -> Broken | None:
    if value.lower().startswith("aws:"):
        return Broken(f"must not name {shown(value)}", "AWS keeps the prefix aws: to itself")
    if len(value) > TAG_KEY_CHARACTERS:
        return Broken(f"has a name of {len(value)} characters", f"a tag's name has {TAG_KEY_CHARACTERS} at most")
    return _entry_name(value, "")


def tag_value_rule(value: str) -> Broken | None:
    if len(value) > TAG_VALUE_CHARACTERS:
        return Broken(f"must have {TAG_VALUE_CHARACTERS} characters or less, not {len(value)}")
    return None


def tags_rule(value: Any) -> Broken | None:
    """How many tags a job may have."""
    if len(value) > limits.TAGS_MAXIMUM:
        return Broken(f"must be {limits.TAGS_MAXIMUM} or less, not {len(value)}")
    return None


def _entry_name(value: str, excluded: str) -> Broken | None:
    if not value:
        return Broken("must not have an empty name")
    if "${" in value:
        return Broken(f"has an expression in the name {shown(value)}", "only values are rendered")
    for character in excluded:
        if character in value:
            return Broken(f"has {character!r} in the name {shown(value)}")
    if control := _CONTROL.search(value):
        return Broken(f"has {_named(control[0])} in the name {shown(value)}")
    return None
