"""docs/reference/workflow.md: every key of a workflow file, from its JSON Schema."""

from __future__ import annotations

from chalicelib.core.definition.model import json_schema
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.preferences import DEFAULT_KINDS
from chalicelib.core.schedule.model import CatchUp, Overlap
from chalicelib.core.states import TriggerRule
from docs.generate import sentences
from docs.generate.markdown import codes, lines, page, section, table
from docs.generate.schema_lines import key_lines

EXPRESSIONS = (
    ("${params.NAME}", "the run's param"),
    ("${run.id}", "the run's id"),
    ("${task.name}", "the task's name"),
    ("${task.attempt}", "the attempt, from 1"),
    ("${stage.name}", "the stage; `local` on the local AWS"),
    ("${stage.bucket}", "the stage's bucket"),
    ("${stage.queue}", "the stage's default job queue"),
)
TOP = """YAML or JSON. `$schema` and keys that begin with `x-` (for YAML anchors) are not read. Any other key is an \
error, here and below. `description` may stand at the top, in a param and in a schedule. Names have 1 to 128 \
letters, digits, `-`, `_` and `.`; the first is a letter or a digit."""
PARAMS = """`params.NAME`. A name begins with a letter or `_`. A param without a value is the empty string in a \
text, and leaves a number to the job definition. `null` counts as not given."""
TASK = """`tasks.NAME`, and `defaults` (all but `depends_on`). A task's key replaces the default as a whole; only \
`environment`, `parameters` and `tags` are joined. `null` removes a default. Strings are strings: write `[sleep, \
"5"]`."""
RETRY = """For an array, `on` takes only `dependency`, `refused` and `unknown`, because Batch reports no more of it. \
The job definition's `retryStrategy` retries inside one attempt, so the two multiply."""
SCHEDULE = """`schedules.NAME`. One of `cron`, `rate` and `at` is required. Times are local (`2026-11-01` or \
`2026-11-01T09:00`) and have no offset. `${schedule.time}` is the run's time with its offset, `${schedule.date}` its \
day. A time that clocks skip has no run; a time that comes twice has one."""
CRON = (
    ("every field", "`*`, a number, `1-5`, `*/15`, `5/15`, and lists with commas"),
    ("month, day-of-week", "also names; day 1 is `SUN`"),
    ("day-of-month", "also `L` (last day), `LW` (last weekday), `15W` (weekday nearest to the 15th)"),
    ("day-of-week", "also `L` (Saturday), `6L` (last Friday), `2#1` (first Monday)"),
)
EXPRESSION_RULES = """Nothing else is an expression: write `$${HOME}` for a literal `${HOME}`. A `$` before anything \
but `{` stays as it is. Where a number is wanted, one whole `${params.NAME}` keeps its type. Elsewhere a list or an \
object becomes JSON on one line. A value is never split and never rendered again."""
LABELS = """Labels have 1 to 64 printable characters, are not all digits, and differ within an array. A size beside \
them must be their number. A list param gives each run as many children as it has labels. A child is not told its \
label."""
YAML = """Scalars are those of YAML 1.2: `yes`, `on` and `2024-01-01` are strings. Aliases and `<<` work. Errors: a \
duplicate key, a tag (`!...`), a second document, nesting below 50 levels, aliases that expand to over a million \
values."""
ALLOWED = (
    ("`all_success`, `none_failed`, `none_failed_min_one_success`", "`upstream_failed`", "fails"),
    ("`all_done`, or `one_success` with another parent that succeeded", "runs", "fails only if this task fails"),
    ("`allow_failure: true`", "`upstream_failed`", "can succeed"),
)


def make() -> str:
    schema = json_schema()
    parts = schema["$defs"]

    def keys(name: str, leave_out: frozenset[str] = frozenset()) -> str:
        return key_lines(parts[name], parts, leave_out)

    return page(
        "Workflow files",
        "the models of workflow files",
        TOP,
        section(
            "Top of the file",
            key_lines(schema, parts, frozenset({"$schema", "description"})),
        ),
        section("Params", PARAMS, keys("Param", frozenset({"description"}))),
        section(
            "Tasks", TASK, keys("Task"), f"`array` has `size`, or `labels`, or both:\n\n{keys('Array')}\n\n{LABELS}"
        ),
        section(
            "Trigger rules", "A task without parents starts at once.", lines(sentences.of_members(TriggerRule).items())
        ),
        section(
            "Allowed failures",
            "What becomes of a task whose parent failed with `allow_failure: true`:",
            table(("the task has", "the task", "the run"), ALLOWED),
        ),
        section("Retry", RETRY, keys("Retry")),
        section(
            "Retry by class", "`retry.on.CLASS`:", keys("ClassRetry"), "`memory_mib`:", keys("MemoryGrowth"), level=3
        ),
        section(
            "Failure classes",
            "Read from the reasons and the exit code of the last try.",
            lines((name, text) for name, text in sentences.of_members(FailureClass).items()),
        ),
        section("Schedules", SCHEDULE, keys("Schedule", frozenset({"description"}))),
        section(
            "Values of a schedule",
            f"`overlap`:\n\n{lines(sentences.of_members(Overlap).items())}",
            f"`catch_up`:\n\n{lines(sentences.of_members(CatchUp).items())}",
            "`cron` may hold, where one of day-of-month and day-of-week is `?`:\n\n"
            + "\n".join(f"- {field}: {text}." for field, text in CRON),
            level=3,
        ),
        section(
            "Notify",
            f"Without `on`, the stage decides (`deploy --notify`); its default is {codes(DEFAULT_KINDS)}.",
            keys("Notify"),
            "The kinds are in [notices.md](notices.md).",
        ),
        section("Expressions", lines((name, f"{text}.") for name, text in EXPRESSIONS), EXPRESSION_RULES),
        section("YAML", YAML),
        "Limits are in [limits.md](limits.md).",
    )
