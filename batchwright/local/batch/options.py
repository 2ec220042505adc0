"""The command line of the local Batch server."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchwright.local.batch.delivery import Faults
from batchwright.local.batch.pattern import PatternError, check_pattern
from batchwright.local.job_environment import read_assignment


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that the server is started with."""

    port: int
    work_folder: Path
    events_queue_url: str
    aws_endpoint_url: str
    event_pattern: Mapping[str, Any] | None
    serves_rules: bool
    submit_rate: int | None
    faults: Faults
    job_environment: Mapping[str, str]
    account_id: str
    region: str
    kill_grace_seconds: float
    minimum_timeout_seconds: int
    exit_with_stdin: bool
    keep_folders: bool
    queues_on_demand: str | None
    in_place: bool


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Parse the command line; ends the process with a message on a wrong one."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.events_queue_url and not given.aws_endpoint_url:
        parser.error(
            "--events-queue-url needs --aws-endpoint-url (or AWS_ENDPOINT_URL): events never go to a real account"
        )
    if given.serve_rules and not given.events_queue_url:
        parser.error("--serve-rules needs --events-queue-url, the queue that is served in any case")
    return Options(
        port=given.port,
        work_folder=given.work_dir.absolute(),
        events_queue_url=given.events_queue_url,
        aws_endpoint_url=given.aws_endpoint_url,
        event_pattern=_read_pattern(parser, given.event_pattern),
        serves_rules=given.serve_rules,
        submit_rate=given.submit_rate,
        faults=Faults(given.duplicate, given.delay, given.reorder, given.drop, given.seed),
        job_environment=dict(given.job_environment),
        account_id=given.account_id,
        region=given.region,
        kill_grace_seconds=given.kill_grace_seconds,
        minimum_timeout_seconds=given.minimum_timeout_seconds,
        exit_with_stdin=given.exit_with_stdin,
        keep_folders=given.keep_work,
        queues_on_demand=given.queues_on_demand,
        in_place=given.in_place,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m batchwright.local.batch",
        description="A local AWS Batch: jobs are processes of this machine. Listens on 127.0.0.1 alone.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 (the default) picks a free one")
    add("--work-dir", type=Path, required=True, help="each job attempt works in a folder of its own below it")
    add("--events-queue-url", default="", help="SQS queue that gets an event for every change of state")
    add("--aws-endpoint-url", default=os.environ.get("AWS_ENDPOINT_URL", ""), help="where SQS and Logs are")
    add("--event-pattern", type=Path, help="EventBridge pattern (JSON); only matching events are put")
    add("--serve-rules", action="store_true", help="also put events on the SQS queues of EventBridge's rules there")
    add("--submit-rate", type=int, help="SubmitJob calls a second above which 429 is answered")
    add("--duplicate", type=_probability, default=0.0, metavar="P", help="probability of a repeated event")
    add("--delay", type=float, default=0.0, metavar="SECONDS", help="longest random delay of an event")
    add("--reorder", action="store_true", help="events may overtake each other")
    add("--drop", type=_probability, default=0.0, metavar="Q", help="probability of a lost event")
    add("--seed", type=int, default=0, help="of the faults")
    add(
        "--job-environment",
        type=_assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable of every job; NAME alone takes its value from here",
    )
    add("--account-id", default="000000000000")
    add("--region", default=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    add("--kill-grace-seconds", type=float, default=30.0, help="from SIGTERM to SIGKILL")
    add("--minimum-timeout-seconds", type=int, default=60, help="shortest time-out that a job may have")
    add("--exit-with-stdin", action="store_true", help="end when stdin is closed")
    add("--keep-work", action="store_true", help="leave the folders of ended attempts")
    add(
        "--queues-on-demand",
        metavar="ENVIRONMENT",
        help="a job of a Batchwright run makes the queue that it names on this compute environment, if there is none",
    )
    add("--in-place", action="store_true", help="jobs work in the folders that their images name, not in copies")
    return parser


def _probability(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _assignment(text: str) -> tuple[str, str]:
    try:
        return read_assignment(text, os.environ)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _read_pattern(parser: argparse.ArgumentParser, path: Path | None) -> Mapping[str, Any] | None:
    if path is None:
        return None
    try:
        pattern = json.loads(path.read_text(encoding="utf-8"))
        check_pattern(pattern)
    except (OSError, ValueError, PatternError) as error:
        parser.error(f"--event-pattern {path}: {error}")
    assert isinstance(pattern, dict)
    return pattern
