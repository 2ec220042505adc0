"""The options with which a local AWS is started; `run`, `local up` and the supervisor share them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from batchwright.local.stack import Faults

_PROBABILITY = click.FloatRange(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How a local AWS behaves."""

    faults: Faults
    submit_rate: int | None
    max_vcpus: int | None
    records_own_jobs: bool = False

    @property
    def arguments(self) -> list[str]:
        """The same options as a command line."""
        figures = {
            "--duplicate": self.faults.duplicate,
            "--drop": self.faults.drop,
            "--delay": self.faults.delay_seconds,
            "--seed": self.faults.seed,
            "--submit-rate": self.submit_rate,
            "--vcpus": self.max_vcpus,
        }
        given = [f"{name}={value}" for name, value in figures.items() if value]
        flags = {"--reorder": self.faults.reorder, "--record-own-jobs": self.records_own_jobs}
        return given + [name for name, is_set in flags.items() if is_set]


_OPTIONS = (
    click.option("--duplicate", type=_PROBABILITY, default=0.0, metavar="P", help="Probability of a repeated event."),
    click.option(
        "--drop",
        type=_PROBABILITY,
        default=0.0,
        metavar="Q",
        help="Probability of a lost event; what it told, the sweep finds out within seconds.",
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
        help="Let `batchwright jobs` and monitors see the jobs of runs, too.",
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
        **kwargs: Any,
    ) -> Any:
        faults = Faults(duplicate, drop, delay, reorder, seed)
        options = LocalOptions(faults, submit_rate, vcpus, records_own_jobs)
        return command(*args, options=options, **kwargs)

    decorated: Callable[..., Any] = with_options
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
