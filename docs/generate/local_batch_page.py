"""docs/reference/local-batch.md: what the local Batch gives to a job, and what it keeps of Batch's promises."""

from __future__ import annotations

from batchwright.local.batch.request_rules import RULES
from docs.generate.markdown import page, section

INTRO = """`python -m batchwright.local.batch --work-dir DIR` serves AWS Batch on 127.0.0.1 and prints its endpoint \
as JSON; `--help` lists its options. A job is a process of your machine. All state is in memory. The local AWS \
starts this server itself. Faults (`--duplicate`, `--drop`, `--delay`, `--reorder`) follow from `--seed` and the \
event, not from the clock."""
JOB = (
    (
        "image",
        "`file:///folder` is copied for each attempt; a file above 1 MiB is a hard link where the file system has "
        "no reflinks. `.git`, `.venv` and `.batchwright` are left out. Above 20,000 files: `CannotPullContainerError`. "
        "Any other image is an empty folder",
    ),
    ("in place", "`file:///folder?in-place`, or `--in-place`: the job works in the folder itself"),
    ("command", "runs without a shell, after `Ref::name` arguments were replaced"),
    (
        "environment",
        "`PATH` `LANG` `HOME` `TMPDIR` `AWS_EXECUTION_ENV` `AWS_ENDPOINT_URL_BATCH` `BATCHWRIGHT_JOB_FOLDER`, "
        "then `--job-environment`, then the definition's and the job's variables, then `AWS_BATCH_*`. Nothing else",
    ),
    ("processes", "all that a job started ends with it"),
    (
        "log",
        "group `/aws/batch/job`, or `awslogs-group`; stream `<definition>/default/<task id>`. It is complete before "
        "the job's end is reported",
    ),
)
KEPT = (
    ("states", "all, each change but the first with an event"),
    ("dependencies", "`dependsOn`, `SEQUENTIAL`, `N_TO_N`"),
    ("arrays", "children `parent:index`; the parent stays PENDING until all have ended"),
    ("retries", "`retryStrategy` with `evaluateOnExit`; a retried job goes to the front of its queue"),
    ("time-outs", "SIGTERM, then SIGKILL after the grace"),
    ("memory", "above the limit: exit code 137, `OutOfMemoryError`; sampled five times a second"),
    ("cancel", "CancelJob does nothing to a running job; TerminateJob ends all"),
    (
        "capacity",
        "vCPUs; memory and GPUs if the environment is tagged `batchwright:max-memory-mib`, "
        "`batchwright:max-gpus`; queues by priority",
    ),
    ("a job that never fits", "stays RUNNABLE, with one `Batch Job Queue Blocked` event"),
)
NOT_KEPT = (
    "Multi-node jobs, EKS jobs and jobs of several containers are refused. So are operations of scheduling policies, "
    "consumable resources, quota shares, service environments and service jobs.",
    "Isolation: jobs run as you. Never run what you do not trust.",
    "`secrets`, `volumes`, `mountPoints`, `user`, `ulimits`, `linuxParameters`, roles, network, storage, scheduling "
    "priorities and `jobStateTimeLimitActions` are shown and not carried out.",
    "GPUs are counted, not handed out. Instances are never scaled, so no host is lost.",
    "The order within a queue is strict. A queue takes jobs of any platform.",
    "Ended jobs stay until the server ends. A succeeded job that wrote nothing has no log stream.",
)


def make() -> str:
    return page(
        "Local Batch",
        "docs/generate/local_batch_page.py",
        INTRO,
        section("What a job finds", "\n".join(f"- {name}: {text}." for name, text in JOB)),
        section("What it keeps of Batch", "\n".join(f"- {name}: {text}." for name, text in (*KEPT, _rules()))),
        section("What it does not keep", "\n".join(f"- {text}" for text in NOT_KEPT)),
    )


def _rules() -> tuple[str, str]:
    operations = sorted({operation for rule in RULES for operation in rule.operations})
    return "requests", (
        f"{len(RULES)} rules of the API reference, of {', '.join(operations)}. A request that breaks one gets "
        "`ClientException`, which names the rule"
    )
