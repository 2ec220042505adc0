"""The options with which a local AWS is started; `run`, `local up` and the supervisor share them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import click

from batchwright.local.job_environment import read_assignment, told
from batchwright.local.stack import Faults

_PROBABILITY = click.FloatRange(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How a local AWS behaves."""

    faults: Faults
    submit_rate: int | None
    max_vcpus: int | None
    records_own_jobs: bool = False
    in_place: bool = False
    job_environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def told(self) -> list[str]:
        """The same options as they may be shown, stored and compared: without the values of jobs' variables."""
        return self.arguments + told(self.job_environment)

    @property
    def arguments(self) -> list[str]:
        """The same options as a command line, but for the variables of jobs, which may be secrets."""
        figures = {
            "--duplicate": self.faults.duplicate,
            "--drop": self.faults.drop,
            "--delay": self.faults.delay_seconds,
            "--seed": self.faults.seed,
            "--submit-rate": self.submit_rate,
            "--vcpus": self.max_vcpus,
        }
        given = [f"{name}={value}" for name, value in figures.items() if value]
        flags = {
            "--reorder": self.faults.reorder,
            "--record-own-jobs": self.records_own_jobs,
            "--in-place": self.in_place,
        }
        return given + [name for name, is_set in flags.items() if is_set]


def _variables(context: click.Context, option: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    try:
        return dict(read_assignment(text, os.environ) for text in given)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from error


_OPTIONS = (
    click.option("--duplicate", type=_PROBABILITY, default=0.0, metavar="P", help="Probability of a repeated event."),
    click.option(
        "--drop",
        type=_PROBABILITY,
        default=0.0,
        metavar="Q",
        help="Probability of a lost event, which the sweep then finds.",
    ),
    click.option(
        "--delay", type=click.FloatRange(0.0), default=0.0, metavar="SECONDS", help="Longest delay of an event."
    ),
    click.option("--reorder", is_flag=True, help="Let events overtake each other."),
    click.option("--seed", type=int, default=0, help="Seed of these faults, to repeat them."),
    click.option("--submit-rate", type=click.IntRange(1), metavar="N", help="Answer 429 above N SubmitJob a second."),
    click.option(
        "--vcpus", type=click.IntRange(1), metavar="N", help="vCPUs that jobs share (default: the cores, 4 or more)."
    ),
    click.option(
        "--record-own-jobs",
        "records_own_jobs",
        is_flag=True,
        help="Also record jobs of runs.",
    ),
    click.option("--in-place", is_flag=True, help="Jobs work in the workflow's folder, not in a copy."),
    click.option(
        "--job-environment",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_variables,
        help="A variable of every job; NAME alone takes its value from here; repeatable.",
    ),
)


def local_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command these options; it receives them as one `options`."""

    @wraps(command)
    def with_options(
        *args: Any,
        duplicate: float,
        drop: float,
        delay: float,
        reorder: bool,
        seed: int,
        submit_rate: int | None,
        vcpus: int | None,
        records_own_jobs: bool,
        in_place: bool,
        job_environment: Mapping[str, str],
        **kwargs: Any,
    ) -> Any:
        faults = Faults(duplicate, drop, delay, reorder, seed)
        options = LocalOptions(faults, submit_rate, vcpus, records_own_jobs, in_place, job_environment)
        return command(*args, options=options, **kwargs)

    decorated: Callable[..., Any] = with_options
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
