"""The models of a workflow's definition: which keys there are and what each value may be.

Owns shape and the rules for single values; what takes more than one value to judge (the graph, params in expressions,
sizes) is `check.py`'s, and how a workflow becomes a plan is `compile.py`'s. A Lambda that only follows events never
loads this module, for it needs pydantic.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
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
        return _whole_param(value, "a number")
    value = keep(NUMBERS[field], value)
    return float(value) if field == "vcpus" else value


def _labels(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    return _whole_param(value, "a list") if isinstance(value, str) and "${" in value else validate(value)


def _whole_param(value: str, other: str) -> str:
    """A value that is one whole `${params.NAME}` where it is not `other`."""
    whole = whole_expression(_text(value))
    if whole is None or whole.root != "params":
        raise refusal(Broken(f"must be {other} or one whole ${{params.NAME}}, not {shown(value)}", "nothing beside it"))
    return value


def _label_rule(value: str) -> Broken | None:
    """A label in the file. It holds no expressions, because the number of labels is the array's size."""
    if "${" in value:
        return Broken(f"must not hold '${{', as in {shown(value)}", "a param of type list gives all: ${params.NAME}")
    return rules.array_label_rule(value)


def _two_sizes_rule(size: int | str, names: tuple[str, ...] | str) -> Broken | None:
    """A size beside labels, which are a number of children too."""
    hint = "leave the size out"
    if isinstance(names, str):
        return Broken("has a size and labels that are a param", hint)
    if isinstance(size, str):
        return Broken("has labels and a size that is a param", hint)
    return None if size == len(names) else Broken(f"has a size of {size:,} and {len(names):,} labels", hint)


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


def _labels_schema() -> dict[str, Any]:
    items = {"type": "string", "minLength": 1, "maxLength": rules.ARRAY_LABEL_CHARACTERS}
    several = {"type": "array", "items": items, "minItems": 1, "maxItems": ARRAY_SIZE_MAXIMUM}
    return {"anyOf": [several, {"type": "string", "pattern": rules.anchored(WHOLE_PARAM_PATTERN)}]}


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
    default: Annotated[Any, Field(description="The value of a run that gives none.")] = None
    required: Annotated[bool, Field(description="A run must give a value. Excludes a default.")] = False
    enum: Annotated[list[Any] | None, Field(description="The only values allowed.")] = None
    description: Annotated[str | None, Field(description="What the value is for.")] = None


class Array(Model):
    """An array job: one submission, many children, told apart by AWS_BATCH_JOB_ARRAY_INDEX."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["size"]}, {"required": ["labels"]}]})

    size: Annotated[
        int | str | None,
        *_number_type("array_size"),
        Field(
            description="Number of children; without it, that of `labels`. 1 is a single job, without "
            "AWS_BATCH_JOB_ARRAY_INDEX; 0 skips the task."
        ),
    ] = None
    labels: Annotated[
        list[Annotated[str, named(_label_rule)]],
        Field(min_length=1, max_length=ARRAY_SIZE_MAXIMUM),
        WrapValidator(_labels),
        WithJsonSchema(_labels_schema()),
        Field(
            description="A name for each child, in order; or one whole ${params.NAME} of type list. `show`, "
            "`logs --child` and notices use them."
        ),
    ] = []

    @model_validator(mode="after")
    def _sized(self) -> Self:
        names = self.names
        if self.size is None and not names:
            raise refusal(Broken("is missing a size", "give size: N, or labels: [a, b]"))
        broken = None if isinstance(names, str) else rules.repeated_label_rule(names)
        if self.size is not None and names:
            broken = _two_sizes_rule(self.size, names) or broken
        if broken:
            raise refusal(broken)
        return self

    @property
    def names(self) -> tuple[str, ...] | str:
        """The labels: strings, or one whole expression."""
        labels: Any = self.labels
        return labels if isinstance(labels, str) else tuple(labels)

    @property
    def children(self) -> int | str:
        """How many children it has: a number, or one whole expression, which may name the list of labels."""
        if self.size is not None:
            return self.size
        names = self.names
        return names if isinstance(names, str) else len(names)


class MemoryGrowth(Model):
    """More memory for the next attempt."""

    factor: Annotated[
        float,
        *count_type("memory_factor"),
        Field(description="Each failure of the class multiplies the task's memory_mib by this."),
    ] = 2
    maximum: Annotated[
        int,
        *count_type("memory_maximum_mib"),
        Field(description="The largest memory, in MiB. A job that ran out of this memory is not retried."),
    ]


class ClassRetry(Model):
    """What follows failures of one class. They have a limit of their own."""

    attempts: Annotated[
        int,
        *count_type("attempts"),
        Field(description="Which failure of this class is final, counted apart from other classes. 1 is no retry."),
    ]
    backoff_seconds: Annotated[
        int | None,
        *count_type("backoff_seconds"),
        Field(description="First pause after a failure of this class, in place of retry's."),
    ] = None
    memory_mib: Annotated[
        MemoryGrowth | None, Field(description="More memory for the next attempts. The task needs memory_mib.")
    ] = None
    queue: Annotated[
        Annotated[str, _texted(rules.queue_rule)] | None,
        Field(description="Job queue of the next attempts, by name or ARN. May hold expressions."),
    ] = None


class Retry(Model):
    """What follows the failures of a task. Each attempt is a Batch job of its own."""

    attempts: Annotated[
        int | None,
        *count_type("attempts"),
        Field(
            description="Which failure is final, of all classes that `on` does not name. Without it: 3 for "
            "infrastructure, 1 for others."
        ),
    ] = None
    backoff_seconds: Annotated[
        int | None,
        *count_type("backoff_seconds"),
        Field(description="First pause after a failure. Without it: 10 for infrastructure, 0 for others."),
    ] = None
    backoff_factor: Annotated[
        float, *count_type("backoff_factor"), Field(description="Each further pause is this many times as long.")
    ] = 2
    backoff_max_seconds: Annotated[
        int | None,
        *count_type("backoff_max_seconds"),
        Field(description="Longest pause; 3,600 by default. Never less than backoff_seconds."),
    ] = None
    jitter: Annotated[
        bool,
        Field(description="Draw each pause between 0 and its full length."),
    ] = True
    on: Annotated[
        dict[FailureName, ClassRetry],
        Field(description="Rules for single classes of failure, by class."),
    ] = {}


class TaskSettings(Model):
    """What a task asks of Batch, and when. All of it may stand in `defaults` too."""

    job_definition: Annotated[
        Annotated[str, _texted(rules.job_definition_rule)] | None,
        Field(description="Name, name:revision or ARN. Required, here or in defaults. May hold expressions."),
    ] = None
    queue: Annotated[
        Annotated[str, _texted(rules.queue_rule)] | None,
        Field(description="Job queue, by name or ARN. Required, here or in defaults. May hold expressions."),
    ] = None
    command: Annotated[
        list[Text] | None,
        Field(description="Program and arguments, in place of the job definition's. May hold expressions."),
    ] = None
    environment: Annotated[
        dict[EnvironmentName, Text | None] | None,
        Field(description="Environment variables; values may hold expressions."),
    ] = None
    parameters: Annotated[
        dict[ParameterName, Text | None] | None,
        Field(description="Values for the Ref:: placeholders of the job definition; they may hold expressions."),
    ] = None
    vcpus: Annotated[
        float | str | None,
        *_number_type("vcpus"),
        Field(description="vCPUs. Only Fargate takes 0.25 and 0.5."),
    ] = None
    memory_mib: Annotated[
        int | str | None,
        *_number_type("memory_mib"),
        Field(description="Memory in MiB."),
    ] = None
    gpus: Annotated[
        int | str | None,
        *_number_type("gpus"),
        Field(description="GPUs."),
    ] = None
    array: Annotated[Array | None, Field(description="Makes the job an array job: one submission, many children.")] = (
        None
    )
    retry: Annotated[
        Retry | None,
        Field(description="What happens after a failure. Without it, only infrastructure failures are retried."),
    ] = None
    timeout_seconds: Annotated[
        int | str | None,
        *_number_type("timeout_seconds"),
        Field(description="How long one attempt may run."),
    ] = None
    trigger_rule: Annotated[
        TriggerRule,
        Field(strict=False, description="When the task may start, by how its parents ended."),
    ] = TriggerRule.ALL_SUCCESS
    allow_failure: Annotated[
        bool,
        Field(description="The run can succeed although this task is `failed` or `upstream_failed`."),
    ] = False
    tags: Annotated[
        dict[TagName, TagValue | None] | None,
        Field(description="Tags of the job; values may hold expressions."),
    ] = None


class Task(TaskSettings):
    """A node of the workflow: one Batch job, or one array job."""

    depends_on: Annotated[list[str], Field(description="The task's parents, by name.")] = []


class Schedule(Model):
    """When runs are started without anybody asking: one of `cron`, `rate` and `at`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind]} for kind in ("cron", "rate", "at")]},
    )

    cron: Annotated[
        Annotated[str, named(cron_rule)] | None,
        Field(
            description="Times of day in six fields (minutes hours day-of-month month day-of-week year), such as "
            "0 9 ? * MON-FRI *."
        ),
    ] = None
    rate: Annotated[
        Annotated[str, named(rate_rule)] | None,
        Field(description="Elapsed time between two runs, such as 5 minutes, 2 hours or 1 day."),
    ] = None
    at: Annotated[
        Annotated[str, named(local_time_rule)] | None,
        Field(description="One time, such as 2026-11-01T09:00."),
    ] = None
    time_zone: Annotated[Annotated[str, named(time_zone_rule)], Field(description="IANA time zone of all times.")] = (
        "UTC"
    )
    starts: Annotated[
        Annotated[str, named(local_time_rule)] | None,
        Field(
            description="First moment that may be a time of the schedule. A rate counts from it, or else from the push."
        ),
    ] = None
    ends: Annotated[
        Annotated[str, named(local_time_rule)] | None,
        Field(description="Last moment that may be a time of the schedule."),
    ] = None
    params: Annotated[
        dict[ParamName, Any],
        Field(description="Params of the runs. Strings may hold ${schedule.time} and ${schedule.date}."),
    ] = {}
    overlap: Annotated[
        Overlap,
        Field(
            strict=False,
            description="What happens at a time while the run of an earlier time goes on.",
        ),
    ] = Overlap.SKIP
    catch_up: Annotated[
        CatchUp,
        Field(
            strict=False,
            description="Which times start later if they were missed by more than 15 minutes or passed during a pause.",
        ),
    ] = CatchUp.LATEST
    enabled: Annotated[bool, Field(description="False: the schedule has no times.")] = True
    description: Annotated[str | None, Field(description="What the schedule is for.")] = None


class Notify(Model):
    "Which notices the runs send, and where."

    on: Annotated[
        list[NoticeName] | None,
        Field(
            description="Notices that runs send to the stage's topic, in place of the stage's choice. [] is none.",
            json_schema_extra={"uniqueItems": True},
        ),
    ] = None
    late_after_seconds: Annotated[
        int | None, *count_type("notify_after_seconds"), Field(description="A run that takes longer is late.")
    ] = None
    waiting_after_seconds: Annotated[
        int | None,
        *count_type("notify_after_seconds"),
        Field(description="A job that waits longer for its start is reported."),
    ] = None
    running_after_seconds: Annotated[
        int | None,
        *count_type("notify_after_seconds"),
        Field(description="A job that runs longer is reported. It goes on; timeout_seconds ends one."),
    ] = None
    log_lines: Annotated[
        int,
        *count_type("log_lines"),
        Field(description="How many of the last log lines of a failed job its notice holds."),
    ] = LOG_LINES
    queue: Annotated[
        Annotated[str, named(queue_rule), key_schema(QUEUE_PATTERN)] | None,
        Field(
            description="An SQS queue of the same account and region that receives the same notices, and always a "
            "run's start and end."
        ),
    ] = None


class Workflow(Model):
    """A named DAG of AWS Batch jobs."""

    model_config = ConfigDict(
        json_schema_extra={
            "patternProperties": {f"^{OWN_KEY_PREFIX}": {"description": "Not read. A place for YAML anchors."}}
        }
    )

    schema_address: Annotated[
        str | None, Field(alias="$schema", description="Address of this schema, for editors only.")
    ] = None
    name: Annotated[Name, Field(description="Name of the workflow.")]
    description: Annotated[
        Annotated[str, named(rules.description_rule)] | None,
        Field(description="What the workflow does."),
    ] = None
    params: Annotated[dict[ParamName, Param], Field(description="The values that a run may be given, by name.")] = {}
    defaults: Annotated[
        TaskSettings,
        Field(description="Default values of tasks: any key except depends_on."),
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
            description="Times at which runs start, by name.",
            json_schema_extra={"maxProperties": SCHEDULES_MAXIMUM},
        ),
    ] = {}
    notify: Annotated[Notify | None, Field(description="Which notices the runs send, and where.")] = None

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
