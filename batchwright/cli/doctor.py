"""`batchwright doctor`: whether the table, as a whole, is as it should be. Reads only."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import click
from botocore.exceptions import ClientError

from batchwright.cli.output import json_option, print_json, print_table
from batchwright.cli.target import Where, api_options, on_target
from batchwright.deploy.account import Account
from batchwright.deploy.api_settings import ApiSettings, SeenApi
from batchwright.deploy.event_bus import bus_mistake
from batchwright.deploy.lambda_settings import LambdaSettings
from batchwright.deploy.leftovers import Leftovers
from batchwright.deploy.policies import AUTHORIZER
from batchwright.deploy.quota import read_quota
from batchwright.doctor.reader import BatchJobs, Doctor, Report, run_ids_in
from batchwright.doctor.rules import Finding, Severity, patience_of
from batchwright.doctor.stage_rules import check_apis, check_functions
from batchwright.stage.connection import Aws
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.tables import Column, Short
from batchwright.terminal.terminal import tell
from chalicelib.aws.table.items import RUNS_BY_WORKFLOW
from chalicelib.core.errors import UnknownRun
from chalicelib.wiring import event_bus

TABLE = "BATCHWRIGHT_TABLE"
BUS_ADVICE = "make it, or `batchwright deploy --event-bus NAME`; what was told meanwhile is lost"


@click.command()
@click.option("--run", "run_ids", multiple=True, metavar="ID", help="Only this run; repeatable.")
@json_option
@api_options
def doctor(run_ids: Sequence[str], as_json: bool, where: Where) -> int:
    """Check all runs, tasks and jobs, and report what is wrong.

    Ends with 1 when there is something to report. Changes nothing. Looks at the table and at Batch themselves, so an
    API is not enough.

    \b
    Examples:
      batchwright doctor
      batchwright doctor --run nightly-q3x7b2k4m5na --stage prod
    """
    with on_target(where) as target:
        report = examine(target.needed_aws("doctor"), run_ids)
    if as_json:
        print_json(asdict(report))
    else:
        _print(report)
    return 1 if report.findings else 0


def examine(aws: Aws, run_ids: Sequence[str] = ()) -> Report:
    """Look at the runs of a stage, at all of them unless some are named. Raises UnknownRun."""
    dynamodb, table = aws.wired.clients.dynamodb, aws.environment[TABLE]
    store = aws.wired.world.store
    for run_id in run_ids:
        if store.run(run_id) is None:
            raise UnknownRun(f"there is no run '{run_id}' in table {table}")
    patience = patience_of(aws.wired.world.settings)
    made = Doctor(store, BatchJobs(aws.wired.clients.batch), patience, lambda: time.time_ns() // 1_000_000)
    report = made.look_twice(list(run_ids) or run_ids_in(dynamodb, table, RUNS_BY_WORKFLOW))
    if not run_ids:
        _look_at_bus(aws, report)
        _look_at_functions(aws, report)
    return report


def _look_at_bus(aws: Aws, report: Report) -> None:
    """Look whether the event bus is there that the stage tells."""
    bus = event_bus(aws.environment)
    if bus is None:
        return
    try:
        mistake = bus_mistake(aws.client("events"), bus)
    except ClientError as error:
        report.left_out.append(f"whether event bus {bus} is there was not looked at: {error}")
        return
    if mistake is not None:
        place = f"event bus {bus}"
        report.findings.append(Finding(Severity.ERROR, "the event bus is there", "", place, mistake, BUS_ADVICE))


def _look_at_functions(aws: Aws, report: Report) -> None:
    """Look at the settings of a deployed stage's functions. The local AWS has no Lambda."""
    if aws.stage is None:
        return
    try:
        account = Account(aws.session)
        client, place = aws.client("lambda"), account.place(aws.stage)
        seen = LambdaSettings(client, place).seen()
        authorizer = place.function_name(AUTHORIZER)
        quota = read_quota(client, authorizer)
        has_authorizer = account.has("lambda", "get_function_configuration", FunctionName=authorizer)
        apis = list(_apis(aws, Leftovers(account, place).apis_that_call(authorizer)))
    except ClientError as error:
        report.left_out.append(f"the settings of the functions were not looked at: {error}")
        return
    report.findings += [*check_functions(seen, quota, aws.stage), *check_apis(apis, aws.stage)]
    if seen and (advice := quota.advice(has_authorizer=has_authorizer)):
        report.hints.append(advice)


def _apis(aws: Aws, ids: Iterable[str]) -> Iterator[SeenApi]:
    client = aws.client("apigateway")
    for rest_api_id in ids:
        for stage in client.get_stages(restApiId=rest_api_id)["item"]:
            yield ApiSettings(client, rest_api_id, stage["stageName"]).seen()


def _print(report: Report) -> None:
    console = PlainConsole()
    looked_at = f"{_counted(report.runs, 'run')}, {_counted(report.tasks, 'task')}"
    if report.findings:
        print_table(_columns(report.findings))
        findings = _counted(len(report.findings), "finding")
        console.print(f"\n{looked_at}: {findings} (docs/how-to/check-a-stage.md)", highlight=False)
    else:
        console.print(f"{looked_at}: nothing to report", highlight=False)
    for what in (*report.left_out, *report.hints):
        tell(what, err=True)


def _columns(findings: Sequence[Finding]) -> list[Column]:
    return [
        Column("severity", [one.severity for one in findings]),
        Column("run", [one.run_id for one in findings]),
        Column("place", [one.place for one in findings]),
        Column("rule", [one.rule for one in findings], least=20, short=Short.LINES),
        Column("found", [one.value for one in findings], least=20, short=Short.LINES),
        Column("what to do", [one.advice for one in findings], least=24, short=Short.LINES),
    ]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
