"""docs/reference/limits.md: the limits that a user may meet, from the constants that hold them."""

from __future__ import annotations

from chalicelib.api.http.json_body import CONTAINERS_MAXIMUM, ESCAPED_BYTES_MAXIMUM
from chalicelib.api.http.parameters import SEVERAL_MAXIMUM
from chalicelib.api.http.pipeline import ANSWER_BYTES_MAXIMUM, PAGE_BYTES_MAXIMUM
from chalicelib.api.http.route_table import BODY_BYTES_MAXIMUM, WORKFLOW_BYTES_MAXIMUM
from chalicelib.aws.table.params import PARAMS_BYTES_MAXIMUM
from chalicelib.core import limits, rules
from chalicelib.core.definition import too_much
from chalicelib.engine.inbox.messages import LETTER_REASON_CHARACTERS
from chalicelib.engine.publishing.log_tail import LINE_CHARACTERS
from chalicelib.engine.watch.monitor_looks import JOBS_MAXIMUM, NAMED_MAXIMUM
from docs.generate.markdown import page, section

MIB = 1024 * 1024
NAMES = 128


def make() -> str:
    return page(
        "Limits",
        "the constants of the code",
        section(
            "A workflow",
            _listed(
                ("tasks", limits.TASKS_MAXIMUM, ""),
                ("dependencies of all tasks", too_much.DEPENDENCIES_MAXIMUM, ""),
                ("children of an array", limits.ARRAY_SIZE_MAXIMUM, ""),
                ("labels of arrays", too_much.LABELS_TOGETHER_MAXIMUM, "in all tasks"),
                ("attempts of a class, or of the classes that share a limit", limits.ATTEMPTS_MAXIMUM, ""),
                ("attempts of a task", limits.TASK_ATTEMPTS_MAXIMUM, ""),
                ("time-out of an attempt", limits.TIMEOUT_SECONDS_MINIMUM, "seconds or more"),
                ("command, environment and resources, as JSON", limits.CONTAINER_OVERRIDES_CHARACTERS, "characters"),
                ("submission, as JSON", limits.SUBMIT_PAYLOAD_BYTES, "bytes"),
                ("tags of a job", limits.TAGS_MAXIMUM, ""),
                ("a tag's name; value", f"{rules.TAG_KEY_CHARACTERS}; {rules.TAG_VALUE_CHARACTERS}", "characters"),
                ("schedules", limits.SCHEDULES_MAXIMUM, ""),
                ("params", too_much.NAMED_MAXIMUM, ""),
                ("values of an enum", too_much.CHOICES_MAXIMUM, f"and {too_much.CHOICES_TOGETHER_MAXIMUM:,} in all"),
                ("keys of a task", too_much.KEYS_MAXIMUM, ""),
                ("entries of a list or mapping in a task", too_much.ITEMS_MAXIMUM, ""),
                ("entries of environment, parameters and tags", too_much.ENTRIES_MAXIMUM, "in all tasks"),
                ("reported mistakes", too_much.MISTAKES_MAXIMUM, ""),
                ("params of a run, as JSON", PARAMS_BYTES_MAXIMUM, "bytes"),
                ("late, waiting and running time of `notify`", _range(), "seconds"),
                ("log lines of a notice", limits.NOTICE_LOG_LINES_MAXIMUM, "for each failed job"),
                ("characters of a log line in a notice", LINE_CHARACTERS, ""),
            ),
        ),
        section(
            "A stage",
            _listed(
                ("monitors", limits.MONITORS_MAXIMUM, ""),
                ("jobs under way that a look of the monitors reads", JOBS_MAXIMUM, ""),
                ("jobs that a notice names", NAMED_MAXIMUM, ""),
                ("receipts of a message before it is a dead letter", limits.RECEIPTS_MAXIMUM, ""),
                ("reason of a dead letter", LETTER_REASON_CHARACTERS, "characters"),
                ("kept reason of a job", limits.BATCH_REASON_CHARACTERS, "characters"),
            ),
        ),
        section(
            "The HTTP API",
            _listed(
                ("body of a workflow", WORKFLOW_BYTES_MAXIMUM // MIB, f"MiB, and {_mb(ESCAPED_BYTES_MAXIMUM)} escaped"),
                ("any other body", BODY_BYTES_MAXIMUM // 1024, "KiB"),
                ("lists and objects in a body", CONTAINERS_MAXIMUM, f"and {limits.DEPTH_MAXIMUM} levels"),
                ("answer", _mb(ANSWER_BYTES_MAXIMUM), f"and {_mb(PAGE_BYTES_MAXIMUM)} for a page"),
                ("queues, states or names in one list of jobs", SEVERAL_MAXIMUM, ""),
                ("requests", 50, "a second, 100 in a burst, unless you set another rate"),
            ),
            "A larger workflow is pushed by the CLI with AWS credentials.",
        ),
    )


def _range() -> str:
    return f"{limits.NOTIFY_AFTER_SECONDS_MINIMUM} to {limits.NOTIFY_AFTER_SECONDS_MAXIMUM:,}"


def _mb(size: int) -> str:
    return f"{size / 1_000_000:g} MB"


def _listed(*rows: tuple[str, int | str, str]) -> str:
    return "\n".join(f"- {name}: {' '.join(filter(None, (_number(value), more)))}" for name, value, more in rows)


def _number(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value
