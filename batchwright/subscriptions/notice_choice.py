"""Which notices there can be of a choice: filters that let nothing through are a mistake, and can be told before.

Owns which attributes a notice of each kind may have. What the attributes are is core/notice/publication.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind, Source, kinds_of

_WITHOUT: Mapping[str, frozenset[NoticeKind]] = {
    "workflow": frozenset(NoticeKind) - set(kinds_of(Source.RUN)),
    "monitor": frozenset(NoticeKind) - set(kinds_of(Source.MONITOR)),
    "queue": frozenset(kind for kind, row in KIND_ROWS.items() if not row.names_queues),
}
"""By filter: the kinds whose notices do not have what it looks at."""


def impossible(filters: Mapping[str, Sequence[str]]) -> dict[NoticeKind, str]:
    """Of the kinds that are wanted (all, unless some are named), those of which these filters let nothing through, with
    a few words why."""
    wanted = [NoticeKind(name) for name in filters["kind"]] if filters.get("kind") else list(NoticeKind)
    severities = filters.get("severity")
    found = {}
    for kind in wanted:
        if severities and KIND_ROWS[kind].severity not in severities:
            found[kind] = f"{kind} is always of severity {KIND_ROWS[kind].severity}"
            continue
        for name, without in _WITHOUT.items():
            if filters.get(name) and kind in without:
                found[kind] = f"{kind} has no {name}"
                break
    return found


def possible_kinds(filters: Mapping[str, Sequence[str]]) -> list[NoticeKind]:
    """The kinds that are wanted and can be let through."""
    wanted = [NoticeKind(name) for name in filters["kind"]] if filters.get("kind") else list(NoticeKind)
    never = impossible(filters)
    return [kind for kind in wanted if kind not in never]


def why_nothing(filters: Mapping[str, Sequence[str]]) -> str | None:
    """Why no notice gets through at all, in a sentence; None when some can."""
    if possible_kinds(filters):
        return None
    if filters.get("workflow") and filters.get("monitor"):
        why = "no notice has a workflow and a monitor: one that a run tells has the one, a monitor's the other"
    else:
        why = ", and ".join(dict.fromkeys(impossible(filters).values()))
    return f"{_options(filters)}: no notice is like this; {why}"


def _options(filters: Mapping[str, Sequence[str]]) -> str:
    return " ".join(f"--{name} {value}" for name, values in filters.items() for value in values)
