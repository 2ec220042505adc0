"""docs/reference/notices.md: kinds and fields of notices and of events on the bus, from the notices' schema."""

from __future__ import annotations

from typing import Any

from chalicelib.core.documents import MS, schema_of
from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind
from chalicelib.core.notice.schema import notice_json_schema
from chalicelib.core.run.bus_events import SOURCE, Change, ChangeType
from docs.generate import sentences
from docs.generate.markdown import codes, line, lines, page, section
from docs.generate.schema_lines import described

INTRO = """A notice is JSON, version 1, in UTF-8. Absent means unknown; nothing is `null`. Times are milliseconds \
since 1970. Delivery is at least once. All bodies of a notice stay below 256 KB: log lines go first."""
ATTRIBUTES = """Subscriptions filter by the message attributes `kind`, `severity`, `workflow`, `monitor` and `queue` \
(a `String.Array` of all its queues). An attribute without a value is absent."""
IDS = (
    ("RUN/EPOCH/WORD", "a run; WORD is `started`, `succeeded`, `failed`, `cancelled` or `late`"),
    ("RUN/EPOCH/task_failed/COUNT", "failed tasks"),
    ("RUN/EPOCH/KIND/INDEX/ATTEMPT/COUNT", "`job_waiting` and `job_running` of a run; the first task that it names"),
    ("monitor/NAME/SINCE/DAY/job_failed/COUNT", "failed jobs; SINCE is the push that chose these jobs"),
    ("monitor/NAME/KIND/JOB", "`job_running`, `job_waiting`; JOB is the first that it names"),
    ("monitor/NAME/failure_rate/SINCE", "a rate that was found too high at SINCE"),
    ("monitor/NAME/nothing_ran/DATE", "a time of day"),
    ("queue/QUEUE/JOB/REASON", "a blocked queue; at most once a week"),
)
BUS = f"""`source` is `{SOURCE}`; `detail-type` is `{ChangeType.RUN}` or `{ChangeType.TASK}`. A run is `running`, \
`paused`, `cancelling`, `succeeded`, `failed` or `cancelled`; a task is `running`, `waiting` (another attempt \
follows), `succeeded`, `failed` or `cancelled`. A task that never had a job has no event. The id is \
`RUN/EPOCH/STATE`, with the count of pauses and resumes behind it (`RUN/0/paused/1`), or \
`RUN/EPOCH/INDEX/ATTEMPT/STATE`. Fields of `detail`:"""


def make() -> str:
    schema = notice_json_schema()
    job = schema["properties"]["jobs"]["items"]
    kinds = sentences.of_members(NoticeKind)
    return page(
        "Notices and events",
        "the schema of notices (`batchwright schema --notice`)",
        INTRO,
        section("Kinds", "\n".join(line(kind, kinds[kind], KIND_ROWS[kind].severity) for kind in NoticeKind)),
        section(
            "Fields",
            _fields(schema),
            "`jobs`:",
            _fields(job),
            "`child` has `index` (from 0), `alike` (how many of the 25 children looked at failed so) and, if known, "
            "`label` `failure` `exit_code` `reason` `log_stream`.",
        ),
        section("Ids", lines((name, f"{text}.") for name, text in IDS)),
        section("Filters", ATTRIBUTES),
        section("Event bus", BUS, codes(["version", *_change_fields()])),
    )


def _fields(schema: dict[str, Any]) -> str:
    """A line for each field; what is always there is marked."""
    required = schema["required"]
    return "\n".join(
        line(f"{name}{'' if name in required else '?'}", described(one, {}).removesuffix(f" {MS}"))
        for name, one in schema["properties"].items()
    )


def _change_fields() -> list[str]:
    return list(schema_of(Change)["properties"])
