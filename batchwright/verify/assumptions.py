"""What Batchwright takes for granted of AWS and no emulator can prove: one table.

Owns which assumptions there are, in which order they are shown, and how each is checked. docs/reference/checks.md
is made from this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batchwright.verify import event_checks as events
from batchwright.verify import stage_checks as stage
from batchwright.verify.observed import Observed
from batchwright.verify.verdict import Judged, Verdict

_BATCH = "https://docs.aws.amazon.com/batch/latest/userguide"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that is taken for granted. `source` says who promises it, or that nobody does. `if_not` says what it
    means if it does not hold. `may_be_unseen`: it is no fault if nothing came that would show it."""

    key: str
    sentence: str
    source: str
    if_not: str
    check: Callable[[Observed], Judged]
    may_be_unseen: bool = False


ASSUMPTIONS = (
    Assumption(
        "rule",
        "A rule puts events on a queue soon after it was made",
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule.html",
        "Events do not reach a queue. Only the sweep moves runs on.",
        events.check_rule,
    ),
    Assumption(
        "parameters",
        "Every event of a job carries the job's `parameters`",
        "no page says so; an event resembles what DescribeJobs answers",
        "Events do not say whose job it is. Nothing works.",
        events.check_parameters,
    ),
    Assumption(
        "reader",
        "Our reader understands every event",
        f"{_BATCH}/batch_job_events.html",
        "Events have a form that Batchwright does not read.",
        events.check_reader,
    ),
    Assumption(
        "endings",
        "The end of every job is told",
        f"{_BATCH}/cloudwatch_event_stream.html",
        "The last event of a task never came, or a job ended in another way. The row has Batch's reason.",
        events.check_endings,
    ),
    Assumption(
        "attempts-order",
        "`attempts[]` has the oldest try first",
        "no page says so",
        "A failure that Batch retried gets the class of the wrong try.",
        events.check_attempts_order,
    ),
    Assumption(
        "attempts-grow",
        "A job that Batch tries again is told with one attempt more",
        f"{_BATCH}/job_retries.html",
        "A job that Batch retries seems to run all the time.",
        events.check_attempts_grow,
    ),
    Assumption(
        "failure",
        "A failed program is told with its exit code",
        f"{_BATCH}/batch_job_events.html",
        "Failures of programs get another class and the wrong retry.",
        events.check_failure,
    ),
    Assumption(
        "cancelled",
        "A terminated job is told with our reason, or marked",
        "https://docs.aws.amazon.com/batch/latest/APIReference/API_TerminateJob.html",
        "Terminated jobs are retried.",
        events.check_cancelled,
    ),
    Assumption(
        "array",
        "An array's parent tells of its end; children are PARENT:N",
        f"{_BATCH}/array_jobs.html",
        "The end of an array is not noticed, or its children are not found.",
        events.check_array,
    ),
    Assumption(
        "tags",
        "A job has the tags that it was submitted with",
        f"{_BATCH}/using-tags.html",
        "`tags` of a task have no effect.",
        events.check_tags,
    ),
    Assumption(
        "latency",
        f"Starts and ends are told within {events.LATENCY_SECONDS_MAXIMUM:.0f} s (p95)",
        "no page says so",
        "Tasks follow each other slowly.",
        events.check_latency,
    ),
    Assumption(
        "duplicates",
        "An event that comes twice says the same twice",
        f"{_BATCH}/cloudwatch_event_stream.html",
        "A repeated event could be read as another change. `not seen` is usual.",
        events.check_duplicates,
        may_be_unseen=True,
    ),
    Assumption(
        "run",
        "A run goes from its start to its end",
        "the functions of the stage",
        "The stage does not run workflows. The row has the state of each task.",
        stage.check_run,
    ),
    Assumption(
        "redrive",
        "A task of an ended run can run again",
        "the functions of the stage",
        "An ended run cannot run again.",
        stage.check_redrive,
    ),
    Assumption(
        "cancel",
        "A run can be cancelled, and its job ends",
        "the functions of the stage",
        "A run or its job goes on after a cancel.",
        stage.check_cancel,
    ),
    Assumption(
        "schedule",
        "A schedule starts its run in time",
        "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html",
        "Schedules start nothing, or start over two minutes late.",
        stage.check_schedule,
    ),
    Assumption(
        "notices",
        "A queue that is subscribed to the topic gets the notices",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html",
        "Subscribers of the topic receive nothing.",
        stage.check_notices,
    ),
    Assumption(
        "partial-responses",
        "Both queues let a function report single messages as failed",
        f"{_LAMBDA}/services-sqs-errorhandling.html",
        "A message that fails slows its queue down. Deploy again.",
        stage.check_partial_responses,
    ),
    Assumption(
        "recursion",
        "Lambda lets a function's messages come back to it",
        f"{_LAMBDA}/invocation-recursion.html",
        "Lambda drops long chains of messages, so long backoffs are lost. Deploy again.",
        stage.check_recursion,
    ),
    Assumption(
        "concurrency",
        "The account has room for both queues' functions and more",
        f"{_LAMBDA}/lambda-concurrency.html",
        "Two functions can take all executions. Ask for more in Service Quotas.",
        stage.check_concurrency,
    ),
    Assumption(
        "token",
        "A token opens the HTTP API",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html",
        "Nobody can use the HTTP API.",
        stage.check_token,
    ),
    Assumption(
        "wrong-token",
        "A wrong token does not",
        "as above",
        "Anybody can use the HTTP API. Take it down.",
        stage.check_wrong_token,
    ),
    Assumption(
        "no-token", "No token does not", "as above", "Anybody can use the HTTP API. Take it down.", stage.check_no_token
    ),
    Assumption(
        "authorizer-context",
        "What the authorizer says of a token reaches the routes, also an empty value",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html",
        "A token's scope or workflow does not reach the routes.",
        stage.check_context,
    ),
    Assumption(
        "policies",
        "Every function may do what it must",
        "batchwright/deploy/policies.py",
        "A function lacks a permission, or messages became dead letters.",
        stage.check_policies,
    ),
    Assumption(
        "clean-up",
        "Nothing of this check is left",
        "batchwright/verify/made.py",
        "Something of this check is left. The next call removes it.",
        stage.check_clean_up,
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """An assumption and what came of it."""

    assumption: Assumption
    judged: Judged

    @property
    def is_good(self) -> bool:
        """Whether it is no reason to end with 1: it holds, cannot be told here, or need not have been seen."""
        match self.judged.verdict:
            case Verdict.HOLDS | Verdict.NOT_HERE:
                return True
            case Verdict.NOT_SEEN:
                return self.assumption.may_be_unseen
            case Verdict.BROKEN:
                return False


def judge(observed: Observed) -> tuple[Row, ...]:
    """Every assumption, judged by what was seen."""
    return tuple(Row(one, one.check(observed)) for one in ASSUMPTIONS)
