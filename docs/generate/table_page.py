"""docs/reference/table.md: the rows of the table, their fields and who writes them.

A test holds these rows to a table that a release stored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from chalicelib.aws.table.items import RUNS_BY_SWEEP, RUNS_BY_WORKFLOW
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.limits import PLAN_CHUNK_BYTES, SHARD_SIZE
from docs.generate.markdown import codes, page, section


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of item. In keys, words in angle brackets stand for values."""

    pk: str
    sk: str
    sentence: str
    writer: str
    fields: str


LEASE = "lease_owner lease_until_ms"
RESULT = "job_id succeeded exit_code failure reason log_stream started_at_ms stopped_at_ms tries"
JOB = tuple(field.name for field in fields(JobRecord) if field.name != "job_id")
ROWS = (
    Row(
        "WORKFLOW#<name>",
        "VERSION#<version>",
        "A version of a workflow.",
        "push",
        "version plan_digest definition_digest definition pushed_at_ms",
    ),
    Row(
        "WORKFLOW#<name>",
        "LATEST",
        "Copy of the highest version. A deletion sets `deleted`.",
        "push, delete",
        "version plan_digest definition_digest definition pushed_at_ms deleted",
    ),
    Row(
        "WORKFLOWS",
        "<name>",
        "Entry in the list of workflows. A deleted workflow keeps it as a mark.",
        "push, delete",
        "version tasks pushed_at_ms description deleted",
    ),
    Row("PLAN#<digest>", "CHUNK#<number>", "A piece of a compressed plan. Never changes.", "push", "data"),
    Row("DEFINITION#<digest>", "CHUNK#<number>", "A piece of a large definition.", "push", "data"),
    Row(
        "RUN#<run>",
        "RUN",
        "A run. `switches` counts pauses and resumes: odd while paused. `untold` lists what is still to be published.",
        "start, control commands, sweep, the last ending",
        "workflow version plan_digest params params_digest state epoch created_at_ms ended_at_ms request_digest "
        "switches past redrive redriven_at_ms notify schedule scheduled_at_ms untold swept_at_ms sweep sweep_at_ms "
        f"sweep_shard {LEASE}",
    ),
    Row(
        "RUN#<run>",
        "PARAMS#<digest>",
        "Params of more than 1,000 bytes, as JSON text. Never changes.",
        "start",
        "params",
    ),
    Row(
        "RUN#<run>#<shard>",
        "TALLY#<epoch>",
        f"Sets of places, 0 to {SHARD_SIZE - 1}: how the tasks of a shard ended. `pace` is the highest count of "
        "switches that reached it.",
        "every ending, cancel (`halt`), pause",
        "succeeded failed skipped upstream_failed cancelled halt pace kept_failed waiting_told running_told",
    ),
    Row(
        "RUN#<run>#<shard>",
        "TASK#<epoch>#<index>",
        "A task, from its first claim. `number` is the attempt.",
        "claim, job events, retries, commit",
        "epoch number state owner lease_until_ms claimed_at_ms queue array_size job_id job_tries started_at_ms "
        "retry_at_ms cancel_requested missing_since_ms forbidden_since_ms second_jobs result past",
    ),
    Row(
        "SCHEDULE#<workflow>",
        "<schedule>",
        "A schedule, and which times were decided.",
        "push, due times, sweep",
        "revision version schedule since_ms decided_ms pending backfill active_ms active_is_backfill active_has_run "
        "last_ms paused_at_ms failed_ms failure placed sweep sweep_at_ms",
    ),
    Row(
        "DIGEST#<scope>",
        "WINDOW",
        "Window in which failures of a run or a monitor's day become one notice.",
        "failures, and the command that closes it",
        f"number is_open closes_ms opener step told_count settled_number is_settled expires_at {LEASE}",
    ),
    Row(
        "DIGEST#<scope>",
        "MEMBER#<job>",
        "A failed job that a monitor saw, with the fields of a notice's job.",
        "events",
        "at_ms expires_at",
    ),
    Row(
        "MONITORS",
        "LATEST",
        "The monitors as pushed.",
        "monitors push",
        "revision definition pushed_at_ms since_ms failed_since_ms",
    ),
    Row(
        "MONITOR#<name>",
        "LOOK",
        "What a monitor saw at its last look.",
        "sweep",
        f"revision above_from_ms above_is_told deadline_ms since_ms awaited_since_ms {LEASE}",
    ),
    Row(
        "MONITOR#<name>",
        "TOLD#<kind>",
        "Jobs that a monitor is about to report.",
        "sweep",
        f"number job_ids at_ms is_open {LEASE}",
    ),
    Row(
        "MONITOR#<name>/<since>",
        "ENDED#<time>",
        "How many jobs ended in five minutes.",
        "events, in one transaction with the job",
        "succeeded failed expires_at",
    ),
    Row(
        "JOB#<id>",
        "JOB",
        "A recorded job. `job_order` only grows.",
        "job events, sweep",
        f"{' '.join(JOB)} job_order job_state job_place quiet_since_ms expires_at",
    ),
    Row(
        "JOBS",
        "<name>#<place>",
        "The job's entry in the lists by name and by queue.",
        "its first event",
        "job_state job_place name managed_by expires_at",
    ),
    Row("JOB#<id>", "TOLD#<monitor>#<kind>", "A monitor reported that the job runs or waits.", "sweep", "expires_at"),
    Row("RUNTIMES#<definition>", "<month>", "How long jobs took, in steps of 10 %.", "events", "step_<n> expires_at"),
    Row(
        "NOTICE#<id>",
        "TOLD",
        "A blocked queue was reported, or a notice posted to Slack.",
        "events, on_notices",
        f"expires_at {LEASE}",
    ),
    Row(
        "RATE#submit_job",
        "LINE",
        "Until when permits to submit are taken, in microseconds.",
        "submissions",
        "taken_until_us",
    ),
    Row(
        "TOKENS",
        "TOKEN#<id>",
        "An API token without its secret.",
        "tokens commands, authorizer",
        "name scope only_workflow digest made_at_ms expires_at_ms revoked_at_ms last_used_at_ms expires_at",
    ),
)
MARK = "write"
"""The attribute that marks a conditional write, on any row."""
INTRO = f"""One DynamoDB table, on-demand, with keys `pk` and `sk`. `expires_at` is its TTL, in seconds; other times \
are milliseconds since 1970. A shard is {SHARD_SIZE} consecutive tasks. Numbers in keys are padded: version 6 \
digits, shard 5, epoch 4, index 6. A chunk has at most {PLAN_CHUNK_BYTES:,} bytes. Absent means none."""
NOTES = f"""A conditional write also sets `{MARK}`, a random mark. If its answer is lost, the mark shows whether the \
write landed. {codes(LEASE.split())} name the invocation that publishes; nobody else does until then. `result` and \
`past` of a task hold {codes(RESULT.split())}."""
INDEXES = (
    (RUNS_BY_WORKFLOW, "`workflow`, `created_at_ms`: runs of a workflow, newest first"),
    (RUNS_BY_SWEEP, "`sweep` (`due` or `schedule`), `sweep_at_ms`: runs and schedules that the sweep looks at"),
    ("jobs-by-state", "`job_state`, `job_place`: recorded jobs by state, and their entries by queue"),
)


def make() -> str:
    return page(
        "The table",
        "docs/generate/table_page.py, which is held to a stored table",
        INTRO,
        section("Rows", "`pk` `sk`: content, *writer*, fields.", "\n".join(map(_row, ROWS)), NOTES),
        section("Indexes", "\n".join(f"- `{name}`: {text}." for name, text in INDEXES)),
    )


def _row(row: Row) -> str:
    return f"- `{row.pk}` `{row.sk}`: {row.sentence} *{row.writer}.* {codes(row.fields.split())}"
