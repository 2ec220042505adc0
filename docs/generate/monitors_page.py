"""docs/reference/monitors.md: every key of a monitor file, from its JSON Schema."""

from __future__ import annotations

from chalicelib.core.monitor.file_model import json_schema
from chalicelib.core.monitor.job_times import WAITING
from chalicelib.core.monitor.monitor import RULES
from chalicelib.core.monitor.watch import WatchedKind
from docs.generate import sentences
from docs.generate.markdown import codes, lines, page, section
from docs.generate.schema_lines import key_lines

SEES = (
    ("jobs of others", "`--observe-all-jobs`"),
    ("jobs of runs", "`--record-own-jobs`"),
    ("jobs of runs that wait", "also `--parameter ObserveAllStates=true`"),
)


def make() -> str:
    schema = json_schema()
    parts = schema["$defs"]
    return page(
        "Monitor files",
        "the models of monitor files",
        "A job must fit every list that is given. In patterns `*` stands for any characters, `?` for one.",
        section("A monitor", "`monitors.NAME`, at most 50.", key_lines(parts["Monitor"], parts), "`kinds`:"),
        lines(sentences.of_members(WatchedKind).items()),
        section("Rules", *(f"`{name}`:\n\n{key_lines(parts[rule.__name__], parts)}" for name, rule in RULES.items())),
        f"A job waits while it is {codes(status.value for status in WAITING)}. "
        "The classes are those of [workflow.md](workflow.md#failure-classes).",
        section("What a stage sees", "Deploy with:", "\n".join(f"- {jobs}: {option}." for jobs, option in SEES)),
    )
