"""docs/reference/environment.md: every environment variable that the code reads.

The names are held to the source: a variable that nobody reads, or that is not described here, is an error.
"""

from __future__ import annotations

import re

from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.engine.world.world import Settings
from docs.generate.markdown import codes, lines, page, section

_SETTINGS = Settings()
COMMANDS = {
    "BATCHWRIGHT_STAGE": "The stage that commands work on. In a function, its own stage.",
    "BATCHWRIGHT_API": "The address of an HTTP API that commands speak to.",
    "BATCHWRIGHT_TOKEN": "The token for that API.",
    "BATCHWRIGHT_HOME": "The folder of the local AWS; `.batchwright` by default.",
}
STAGE = {
    "BATCHWRIGHT_SUBMIT_RATE": f"SubmitJob calls a second, of the account's 50; {_SETTINGS.submit_rate}.",
    "BATCHWRIGHT_LOG_LEVEL": "`DEBUG`, `INFO` (default), `WARNING` or `ERROR`.",
    "BATCHWRIGHT_FIGURES": "`emf` writes metrics to the output, `none` does not. Default: only in Lambda.",
    "BATCHWRIGHT_LEASE_SECONDS": f"How long a claim holds; {_SETTINGS.lease_seconds}, in Lambda above 60.",
    "BATCHWRIGHT_SWEEP_SECONDS": f"After how long the sweep looks at a run; {_SETTINGS.sweep_seconds}.",
    "BATCHWRIGHT_QUIET_SECONDS": f"After how long the sweep asks Batch about a silent job; {_SETTINGS.quiet_seconds}.",
}
DEPLOYED = (
    "BATCHWRIGHT_API_AUTH",
    "BATCHWRIGHT_NOTIFY",
    "BATCHWRIGHT_BLOCKED_QUEUES",
    "BATCHWRIGHT_EVENT_BUS",
    "BATCHWRIGHT_SLACK_WEBHOOK",
    "BATCHWRIGHT_JOBS_KEPT_DAYS",
    "BATCHWRIGHT_RECORD_JOBS",
    "BATCHWRIGHT_OBSERVE_JOBS",
    "BATCHWRIGHT_OBSERVE_STATES",
    "BATCHWRIGHT_PARTIAL_RESPONSES",
    "BATCHWRIGHT_EVENTS_CONCURRENCY",
    "BATCHWRIGHT_COMMANDS_CONCURRENCY",
    "BATCHWRIGHT_DEFAULT_QUEUE",
)
JOBS = {
    "BATCHWRIGHT_BUCKET": "The stage's bucket. Jobs on the local AWS have it too.",
    "BATCHWRIGHT_JOB_FOLDER": "On the local AWS: the attempt's own folder.",
}
DERIVED = (
    "BATCHWRIGHT_TABLE",
    "BATCHWRIGHT_TOPIC_ARN",
    "BATCHWRIGHT_EVENTS_QUEUE",
    "BATCHWRIGHT_EVENTS_QUEUE_URL",
    "BATCHWRIGHT_EVENTS_DEAD_URL",
    "BATCHWRIGHT_COMMANDS_QUEUE",
    "BATCHWRIGHT_COMMANDS_QUEUE_URL",
    "BATCHWRIGHT_COMMANDS_QUEUE_ARN",
    "BATCHWRIGHT_COMMANDS_DEAD_URL",
    "BATCHWRIGHT_COMMANDS_DEAD_ARN",
    "BATCHWRIGHT_SCHEDULE_GROUP",
    "BATCHWRIGHT_SCHEDULER_ROLE_ARN",
)
"""Set by the local AWS; in Lambda they follow from the stage, the account and the region."""
INSIDE = frozenset(
    {
        "BATCHWRIGHT_JOB_ENVIRONMENT",
        "BATCHWRIGHT_SLACK_LOOPBACK",
        "BATCHWRIGHT_XRAY",
    }
)
"""What the code sets for itself, and nobody else should."""


def make() -> str:
    check()
    return page(
        "Environment variables",
        "docs/generate/environment_page.py, which is held to the code",
        section("Of the commands", lines(COMMANDS.items())),
        "boto3's own variables hold too, such as `AWS_PROFILE` and `AWS_REGION`. `NO_COLOR` turns colours off.",
        section(
            "Of a stage", "Add these to the stage in `.chalice/config.json`, where they stay.", lines(STAGE.items())
        ),
        section("Set by deploy", "Change the option of `batchwright deploy` instead.", codes(DEPLOYED)),
        section("Of jobs", lines(JOBS.items()), "Batch's own `AWS_BATCH_*` variables are there as well."),
        section(
            "Addresses",
            "The local AWS sets these. In Lambda they follow from stage, account and region.",
            codes(DERIVED),
        ),
    )


def check() -> None:
    """Raise LookupError unless the variables of the source are those that are described."""
    described = {*COMMANDS, *STAGE, *DEPLOYED, *JOBS, *DERIVED, *INSIDE}
    if used() != described:
        raise LookupError(f"not described: {used() - described}; not in the source: {described - used()}")


def used() -> set[str]:
    """The variables of the source, by their whole names in quotes or in a comment."""
    folders = ("chalicelib", "batchwright")
    files = [PROJECT_FOLDER / "app.py", *(path for room in folders for path in (PROJECT_FOLDER / room).rglob("*.py"))]
    return {name for path in files for name in re.findall(r'(?<=")BATCHWRIGHT_[A-Z_]*[A-Z](?=")', path.read_text())}
