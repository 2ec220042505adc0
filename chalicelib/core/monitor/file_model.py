"""The models of a monitor file: which jobs to watch, and what to say about them.

Owns the shape and the rules for single values. Rules for several values together are `check.py`'s, and when a monitor
publishes what is `rules.py`'s. A Lambda that only follows events never loads this module, because it needs pydantic.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.json_schema import DEFAULT_REF_TEMPLATE

from chalicelib.core import rules
from chalicelib.core.definition.schema_model import Model, count_type, json_schema_of, key_schema, named
from chalicelib.core.failure import FailureClass
from chalicelib.core.limits import MONITORS_MAXIMUM
from chalicelib.core.monitor.rules import WatchedKind, clock_time_rule, days_rule
from chalicelib.core.schedule.model import time_zone_rule

MonitorName = Annotated[str, named(rules.monitor_name_rule), key_schema(rules.SCHEDULE_NAME_PATTERN)]
Pattern = Annotated[str, named(rules.watch_rule), key_schema(rules.WATCH_PATTERN)]
ClockTime = Annotated[str, named(clock_time_rule), key_schema("([01][0-9]|2[0-3]):[0-5][05]")]


def _yes_or_no(value: Any) -> Any:
    """`true` is everything, `false` is nothing."""
    if value is True:
        return {}
    return None if value is False else value


class Failed(Model):
    """Which failures to tell of."""

    classes: Annotated[
        list[Annotated[FailureClass, Field(strict=False)]] | None,
        Field(description="Only failures of these classes."),
    ] = None
    excluding: Annotated[
        list[Annotated[FailureClass, Field(strict=False)]] | None,
        Field(description="All failures except those of these classes. Without `classes` too: [cancelled]."),
    ] = None


class RunningLonger(Model):
    """When a job runs for too long: by whichever of the two it reaches first."""

    than_seconds: Annotated[int | None, *count_type("than_seconds"), Field(description="Longest time in seconds.")] = (
        None
    )
    than_p95_times: Annotated[
        float | None,
        *count_type("than_p95_times"),
        Field(
            description="Times the 95th percentile of the definition's successful jobs, this month and last. "
            "Silent until there are 20."
        ),
    ] = None
    at_least_seconds: Annotated[
        int, *count_type("at_least_seconds"), Field(description="than_p95_times never reports below this.")
    ] = 300


class WaitingLonger(Model):
    """When a job waits for capacity for too long."""

    than_seconds: Annotated[int, *count_type("than_seconds"), Field(description="Longest time in seconds.")]


class FailureRate(Model):
    """When too many of the jobs fail."""

    above: Annotated[float, *count_type("above"), Field(description="Share of failed jobs above which it reports.")]
    over_at: Annotated[
        float | None,
        *count_type("over_at"),
        Field(description="Share at or below which it may report again; `above` by default."),
    ] = None
    within_seconds: Annotated[
        int,
        *count_type("within_seconds"),
        Field(description="Window of the rate, in steps of five minutes."),
    ] = 3_600
    at_least_jobs: Annotated[
        int, *count_type("at_least_jobs"), Field(description="Silent while fewer jobs ended in the window.")
    ] = 10


class NothingRan(Model):
    """When none of the jobs has succeeded by a time of day."""

    by: Annotated[ClockTime, Field(description="Time of day, such as '06:00', a multiple of five minutes.")]
    after: Annotated[
        ClockTime,
        Field(
            description="What ended before this time of day does not count. It is on the day before if it is not "
            "before `by`."
        ),
    ] = "00:00"
    time_zone: Annotated[Annotated[str, named(time_zone_rule)], Field(description="IANA time zone of both times.")] = (
        "UTC"
    )
    days: Annotated[
        Annotated[str, named(days_rule)],
        Field(description="Days of `by`, as day-of-week in cron: MON-FRI, 'MON,THU', 2#1."),
    ] = "*"


class Monitor(Model):
    """Which jobs to watch, and what to say about them."""

    description: Annotated[
        Annotated[str, named(rules.description_rule)] | None,
        Field(description="What the monitor is for. Its notices begin with it."),
    ] = None
    queues: Annotated[list[Pattern] | None, Field(description="Job queues, by name or pattern. Without it, all.")] = (
        None
    )
    names: Annotated[list[Pattern] | None, Field(description="Job names, or patterns. Without it, all.")] = None
    definitions: Annotated[
        list[Pattern] | None,
        Field(description="Job definitions, with or without :revision, or patterns. Without it, all."),
    ] = None
    kinds: Annotated[
        list[Annotated[WatchedKind, Field(strict=False)]] | None,
        Field(description="Whose jobs and which. A job must fit one of each sort that is named. Without it, all."),
    ] = None
    failed: Annotated[
        Failed | None,
        BeforeValidator(_yes_or_no),
        Field(description="Report failed jobs. true: all except cancelled ones."),
    ] = None
    running_longer: Annotated[
        RunningLonger | None,
        Field(description="Report jobs that run for too long, by whichever limit they reach first."),
    ] = None
    waiting_longer: Annotated[
        WaitingLonger | None, Field(description="Report jobs that wait for capacity for too long.")
    ] = None
    failure_rate: Annotated[FailureRate | None, Field(description="Report when too many of the jobs fail.")] = None
    nothing_ran: Annotated[
        NothingRan | None, Field(description="Report when none of the jobs succeeded by a time of day.")
    ] = None


class Monitors(Model):
    """What to watch on a stage, and what to say about it."""

    schema_address: Annotated[
        str | None, Field(alias="$schema", description="Address of this schema, for editors only.")
    ] = None
    monitors: Annotated[
        dict[MonitorName, Monitor],
        Field(description="The monitors, by name.", json_schema_extra={"maxProperties": MONITORS_MAXIMUM}),
    ]


def json_schema(ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """The JSON Schema of monitor files (draft 2020-12). `ref_template`: how its parts name each other."""
    schema = json_schema_of(Monitors, ref_template)
    failed = schema["$defs"]["Monitor"]["properties"]["failed"]
    failed["anyOf"] = [{"type": "boolean"}, *failed["anyOf"]]
    return schema
