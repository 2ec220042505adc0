"""The models of a workflow's definition: which keys there are and what each value may be.

Owns shape and the rules for single values; what takes more than one value to judge (the graph, params in expressions,
sizes) is `check.py`'s, and how a workflow becomes a plan is `compile.py`'s. A Lambda that only follows events never
loads this module, for it needs pydantic.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic.json_schema import DEFAULT_REF_TEMPLATE

from chalicelib.core import rules
from chalicelib.core.definition.schema_model import (
    Model,
    count_type,
    json_schema_of,
    keep,
    key_schema,
    named,
    number_schema,
    refusal,
)
from chalicelib.core.failure import NEVER_RETRIED, FailureClass
from chalicelib.core.limits import ARRAY_SIZE_MAXIMUM, SCHEDULES_MAXIMUM, TASKS_MAXIMUM
from chalicelib.core.notice.preferences import KINDS, LOG_LINES, QUEUE_PATTERN, kind_rule, queue_rule
from chalicelib.core.params import Declaration, ParamType
from chalicelib.core.rules import NUMBERS, Broken, Rule
from chalicelib.core.schedule.model import CatchUp, Overlap, cron_rule, local_time_rule, rate_rule, time_zone_rule
from chalicelib.core.states import TriggerRule
from chalicelib.core.suggest import shown
from chalicelib.core.template import PARAM_NAME, WHOLE_PARAM_PATTERN, TemplateMistake, parse, whole_expression

OWN_KEY_PREFIX = "x-"
"""What keys at the top of a file begin with that are their author's own, as a place for anchors."""


def _text(value: str, rule: Rule | None = None) -> str:
    """A string whose expressions are well formed. Its rule is kept only if it has none: the rest is the run's."""
    if "${" not in value:
        return keep(rule, value) if rule else value
    try:
        parse(value)
    except TemplateMistake as mistake:
        raise refusal(Broken(f"holds {mistake.found}", mistake.suggestion)) from mistake
    return value


def _number(field: str, value: Any) -> Any:
    if value is None and field != "array_size":
        return None
    if isinstance(value, str) and "${" in value:
        whole = whole_expression(_text(value))
        if whole is None or whole.root != "params":
            raise refusal(
                Broken(f"must be a number or one whole ${{params.NAME}}, not {shown(value)}", "nothing beside it")
            )
        return value
    value = keep(NUMBERS[field], value)
    return float(value) if field == "vcpus" else value


def _param_name_rule(value: str) -> Broken | None:
    return rules.name_broken(value, PARAM_NAME, "1 to 128 letters, digits, '_' and '-', the first a letter or '_'")


def _number_schema(field: str) -> dict[str, Any]:
    choices = [number_schema(field)]
    if NUMBERS[field].small:
        choices.append({"enum": list(NUMBERS[field].small)})
    choices.append({"type": "string", "pattern": rules.anchored(WHOLE_PARAM_PATTERN)})
    if field != "array_size":
        choices.append({"type": "null"})
    return {"anyOf": choices}


def _number_type(field: str) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(partial(_number, field)), WithJsonSchema(_number_schema(field))


def _texted(rule: Rule | None = None) -> AfterValidator:
    return AfterValidator(partial(_text, rule=rule))


Name = Annotated[str, named(rules.name_rule), key_schema(rules.NAME_PATTERN)]
ScheduleName = Annotated[str, named(rules.schedule_name_rule), key_schema(rules.SCHEDULE_NAME_PATTERN)]
FailureName = Annotated[
    str,
    named(rules.failure_class_rule),
    key_schema("|".join(failure for failure in FailureClass if failure not in NEVER_RETRIED)),
]
NoticeName = Annotated[str, named(kind_rule), key_schema("|".join(KINDS))]
ParamName = Annotated[str, named(_param_name_rule), key_schema(PARAM_NAME)]
Text = Annotated[str, _texted()]
EnvironmentName = Annotated[str, named(rules.environment_name_rule), key_schema(f"(?!AWS_BATCH_)[^={rules.CONTROL}]+")]
ParameterName = Annotated[str, named(rules.parameter_name_rule), key_schema(f"(?!batchwright_)[^{rules.CONTROL}]+")]
TagName = Annotated[str, named(rules.tag_name_rule), key_schema(f"(?![aA][wW][sS]:)[^{rules.CONTROL}]{{1,128}}")]
TagValue = Annotated[str, _texted(rules.tag_value_rule)]


class Param(Model):
    """A value that a run may be given."""

    type: Annotated[ParamType, Field(strict=False, description="The type of the value.")]
    default: Annotated[Any, Field(description="The value when none is given; it must fit type and enum.")] = None
    required: Annotated[bool, Field(description="Whether a run must be given a value; then there is no default.")] = (
        False
    )
    enum: Annotated[list[Any] | None, Field(description="The only values allowed, each of the type.")] = None
    description: Annotated[str | None, Field(description="What the value is for.")] = None


class Array(Model):
    """An array job: one submission, many children, told apart by AWS_BATCH_JOB_ARRAY_INDEX."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["size"]}, {"required": ["labels"]}]})

    size: Annotated[
        int | str | None,
        *_number_type("array_size"),
        Field(
            description="How many children, up to 10,000; or one whole ${params.NAME} of type integer. 1 is a single "
            "job, 0 skips the task. As many as there are labels if it is left out."
        ),
    ] = None
    labels: Annotated[
        list[Annotated[str, named(rules.array_label_rule)]],
        Field(
            min_length=1,
            max_length=ARRAY_SIZE_MAXIMUM,
            description="A name for each child, in order; for people: `show`, `logs --child` and notices use them.",
        ),
    ] = []

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if self.size is None and not self.labels:
            raise refusal(Broken("is missing a size", "give size: N, or labels: [a, b]"))
        if self.labels and isinstance(self.size, str):
            raise refusal(Broken("has labels and a size that is a param", "leave the size out"))
        if self.labels and self.size not in (None, len(self.labels)):
            raise refusal(Broken(f"has {len(self.labels):,} labels for a size of {self.size:,}", "leave the size out"))
        if len(set(self.labels)) < len(self.labels):
            twice = next(one for one in self.labels if self.labels.count(one) > 1)
            raise refusal(Broken(f"has the label {shown(twice)} twice"))
        return self

    @property
    def children(self) -> int | str:
        """How many children it has: a number, or one whole expression."""
        return len(self.labels) if self.size is None else self.size


class MemoryGrowth(Model):
    """More memory for the next attempt."""

    factor: Annotated[
        float,
        *count_type("memory_factor"),
        Field(description="What each failure of the class multiplies the task's memory_mib by, 1.1 to 10."),
    ] = 2
    maximum: Annotated[
        int,
        *count_type("memory_maximum_mib"),
        Field(description="The most it may become, in MiB: what the compute environment still has room for."),
    ]


class ClassRetry(Model):
    """What follows failures of one class. They have a limit of their own."""

    attempts: Annotated[
        int,
        *count_type("attempts"),
        Field(description="The failure of this class that is final, 1 to 10; 1 is no retry."),
    ]
    backoff_seconds: Annotated[
        int | None,
        *count_type("backoff_seconds"),
        Field(description="The first pause after failures of this class, in seconds, in place of retry's."),
    ] = None
    memory_mib: Annotated[
        MemoryGrowth | None, Field(description="More memory for the next attempt; the task needs a memory_mib.")
    ] = None
    queue: Annotated[
        Annotated[str, _texted(rules.queue_rule)] | None,
        Field(description="The job queue of the attempts that follow: name or ARN. May hold expressions."),
    ] = None


class Retry(Model):
    """What follows the failures of a task. Each attempt is a Batch job of its own."""

    attempts: Annotated[
        int | None,
        *count_type("attempts"),
        Field(
            description="How often the task is tried at most, 1 to 10, whatever fails that 'on' does not name; 1 is no "
            "retry. Not given: three times when infrastructure fails, else once."
        ),
    ] = None
    backoff_seconds: Annotated[
        int | None,
        *count_type("backoff_seconds"),
        Field(
            description="The longest first pause between a failure and the next attempt, in seconds. Not given: 10 "
            "when infrastructure fails, else 0."
        ),
    ] = None
    backoff_factor: Annotated[
        float, *count_type("backoff_factor"), Field(description="What each further pause is multiplied by, 1 to 10.")
    ] = 2
    backoff_max_seconds: Annotated[
        int | None,
        *count_type("backoff_max_seconds"),
        Field(description="The longest that a pause becomes, in seconds; 3,600 unless given."),
    ] = None
    jitter: Annotated[
        bool,
        Field(description="Whether a pause is drawn between nothing and its full length, so that retries spread out."),
    ] = True
    on: Annotated[
        dict[FailureName, ClassRetry],
        Field(description="What follows failures of single classes, by class, with limits of their own."),
    ] = {}


class TaskSettings(Model):
    """What a task asks of Batch, and when. All of it may stand in `defaults` too."""

    job_definition: Annotated[
        Annotated[str, _texted(rules.job_definition_rule)] | None,
        Field(description="The job definition: name, name:revision or ARN. May hold expressions."),
    ] = None
    queue: Annotated[
        Annotated[str, _texted(rules.queue_rule)] | None,
        Field(description="The job queue: name or ARN. May hold expressions."),
    ] = None
    command: Annotated[
        list[Text] | None,
        Field(
            description="The command, program and arguments, in place of the job definition's. May hold expressions."
        ),
    ] = None
    environment: Annotated[
        dict[EnvironmentName, Text | None] | None,
        Field(
            description="Environment variables; values may hold expressions. Joined with those of defaults, of which "
            "null takes one away."
        ),
    ] = None
    parameters: Annotated[
        dict[ParameterName, Text | None] | None,
        Field(
            description="Values for the Ref:: placeholders of the job definition; they may hold expressions. "
            "Joined with those of defaults, of which null takes one away."
        ),
    ] = None
    vcpus: Annotated[
        float | str | None,
        *_number_type("vcpus"),
        Field(description="vCPUs: a whole number (0.25 and 0.5 on Fargate), or one whole ${params.NAME}."),
    ] = None
    memory_mib: Annotated[
        int | str | None,
        *_number_type("memory_mib"),
        Field(description="Memory in MiB, or one whole ${params.NAME} of type integer."),
    ] = None
    gpus: Annotated[
        int | str | None,
        *_number_type("gpus"),
        Field(description="GPUs, 1 or more, or one whole ${params.NAME} of type integer."),
    ] = None
    array: Annotated[Array | None, Field(description="Makes the job an array job: one submission, many children.")] = (
        None
    )
    retry: Annotated[Retry | None, Field(description="What follows the failures of the task, by their class.")] = None
    timeout_seconds: Annotated[
        int | str | None,
        *_number_type("timeout_seconds"),
        Field(
            description="How long one attempt may run, in seconds, 60 or more, or one whole ${params.NAME} of type "
            "integer. Batch ends the job then."
        ),
    ] = None
    trigger_rule: Annotated[
        TriggerRule,
        Field(strict=False, description="When the task may start, judged by how those it depends on ended."),
    ] = TriggerRule.ALL_SUCCESS
    allow_failure: Annotated[
        bool,
        Field(description="Whether the run can succeed without this task's result: it failed, or is upstream_failed."),
    ] = False
    tags: Annotated[
        dict[TagName, TagValue | None] | None,
        Field(
            description="Tags of the job, 50 at most; values may hold expressions. Joined with those of defaults, of "
            "which null takes one away."
        ),
    ] = None


class Task(TaskSettings):
    """A node of the workflow: one Batch job, or one array job."""

    depends_on: Annotated[
        list[str], Field(description="The tasks that must have ended before this one is looked at.")
    ] = []


class Schedule(Model):
    """When runs are started without anybody asking: one of `cron`, `rate` and `at`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind]} for kind in ("cron", "rate", "at")]},
    )

    cron: Annotated[
        Annotated[str, named(cron_rule)] | None,
        Field(
            description="Times of day, in EventBridge Scheduler's six fields: minutes hours day-of-month month "
            "day-of-week year, such as 0 9 ? * MON-FRI *. One of day-of-month and day-of-week is '?'."
        ),
    ] = None
    rate: Annotated[
        Annotated[str, named(rate_rule)] | None,
        Field(description="Elapsed time between two runs, such as 5 minutes, 2 hours or 1 day."),
    ] = None
    at: Annotated[
        Annotated[str, named(local_time_rule)] | None,
        Field(description="One time, such as 2026-11-01T09:00, in the time zone."),
    ] = None
    time_zone: Annotated[
        Annotated[str, named(time_zone_rule)], Field(description="The IANA time zone of all times here.")
    ] = "UTC"
    starts: Annotated[
        Annotated[str, named(local_time_rule)] | None,
        Field(description="The first moment that may be a time of the schedule; a rate counts from it."),
    ] = None
    ends: Annotated[
        Annotated[str, named(local_time_rule)] | None,
        Field(description="The last moment that may be a time of the schedule."),
    ] = None
    params: Annotated[
        dict[ParamName, Any],
        Field(
            description="Values for the workflow's params; strings may hold ${schedule.time} and ${schedule.date}, the "
            "scheduled time in the time zone."
        ),
    ] = {}
    overlap: Annotated[
        Overlap,
        Field(
            strict=False,
            description="What happens at a time while the run of an earlier time goes on: both run, the time is "
            "skipped, it waits, or the earlier run is cancelled.",
        ),
    ] = Overlap.SKIP
    catch_up: Annotated[
        CatchUp,
        Field(
            strict=False,
            description="Which of the times that were missed by more than 15 minutes, or passed during a pause, are "
            "started later.",
        ),
    ] = CatchUp.LATEST
    enabled: Annotated[bool, Field(description="Whether the schedule has any times at all.")] = True
    description: Annotated[str | None, Field(description="What the schedule is for, for people.")] = None


class Notify(Model):
    """Who is told what of the runs."""

    on: Annotated[
        list[NoticeName] | None,
        Field(
            description="The notices that the runs send, in place of the stage's own choice; an empty list for none.",
            json_schema_extra={"uniqueItems": True},
        ),
    ] = None
    late_after_seconds: Annotated[
        int | None, *count_type("notify_after_seconds"), Field(description="After how long a run is late, in seconds.")
    ] = None
    waiting_after_seconds: Annotated[
        int | None,
        *count_type("notify_after_seconds"),
        Field(description="After how long a job has waited too long for its start, in seconds."),
    ] = None
    running_after_seconds: Annotated[
        int | None,
        *count_type("notify_after_seconds"),
        Field(description="After how long a job has run too long, in seconds. It goes on: timeout_seconds ends one."),
    ] = None
    log_lines: Annotated[
        int,
        *count_type("log_lines"),
        Field(description="How many of the last lines of a failed job's log come with its notice, 0 to 50."),
    ] = LOG_LINES
    queue: Annotated[
        Annotated[str, named(queue_rule), key_schema(QUEUE_PATTERN)] | None,
        Field(
            description="The name of an SQS queue of the same account and region that hears of each run, and always of "
            "its start and end."
        ),
    ] = None


class Workflow(Model):
    """A named DAG of AWS Batch jobs."""

    model_config = ConfigDict(
        json_schema_extra={"patternProperties": {f"^{OWN_KEY_PREFIX}": {"description": "For anchors; not read."}}}
    )

    schema_address: Annotated[
        str | None, Field(alias="$schema", description="The address of this schema, for editors; not used otherwise.")
    ] = None
    name: Annotated[Name, Field(description="The workflow's name: letters, digits, '-', '_' and '.'.")]
    description: Annotated[
        Annotated[str, named(rules.description_rule)] | None,
        Field(description="What the workflow does, for people; without control characters but tabs and line ends."),
    ] = None
    params: Annotated[dict[ParamName, Param], Field(description="The values that a run may be given, by name.")] = {}
    defaults: Annotated[
        TaskSettings,
        Field(description="What holds for every task that does not say otherwise: any key of a task but depends_on."),
    ] = TaskSettings()
    tasks: Annotated[
        dict[Name, Task],
        Field(
            description="The tasks, by name.", json_schema_extra={"minProperties": 1, "maxProperties": TASKS_MAXIMUM}
        ),
    ]
    schedules: Annotated[
        dict[ScheduleName, Schedule],
        Field(
            description="When runs are started without anybody asking, by name.",
            json_schema_extra={"maxProperties": SCHEDULES_MAXIMUM},
        ),
    ] = {}
    notify: Annotated[Notify | None, Field(description="Who is told what of the runs.")] = None

    def declarations(self) -> dict[str, Declaration]:
        """The params as `params.py` judges values by them."""
        return {
            name: Declaration(
                param.type, param.default, param.required, None if param.enum is None else tuple(param.enum)
            )
            for name, param in self.params.items()
        }


def json_schema(ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """The JSON Schema of workflow files (draft 2020-12). `ref_template`: how its parts name each other."""
    return json_schema_of(Workflow, ref_template)
