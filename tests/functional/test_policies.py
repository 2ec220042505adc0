"""One policy a function: it allows all that the function asks of AWS, and nothing that it never asks.

Every scenario runs through the app's own functions, each with a role of its own, on a MiniStack that enforces their
policies, and before a judge of the tests. What happens once in hundreds of runs is looked for in simulated worlds
instead, where the same engine asks the same of its ports. That the enforcement bites is shown at the end.
"""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchwright.deploy.policies import API_HANDLER, GRANTS, ON_NOTICES, resource_arn
from batchwright.local.isolation import client
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.api import models as m
from chalicelib.api.inprocess.direct import DirectApi
from chalicelib.core.batch.job_record import JobFilter, NamePattern
from chalicelib.core.errors import AnswerLost, BatchwrightError, SchedulesNotPlaced, TryAgain
from chalicelib.core.monitor.pushed import pushed_after
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.run.records import Scope
from chalicelib.core.schedule.model import iso_time
from chalicelib.core.tokens import new_token, written
from tests.functional.commands import SHELL, wait_until
from tests.functional.judged import PLACE, JudgedApp, judged_app
from tests.iam import Asked, Call, covers, granted
from tests.notices import NOTICES
from tests.receivers import Reply, http_receiver
from tests.simulation.askings import askings

# They share one local AWS, and the last test looks at what all of them asked.
pytestmark = [pytest.mark.xdist_group("policies"), pytest.mark.long]

SEEDS = (*range(20), 27, 45, 61, 65, 114, 161, 191, 209, 215, 251, 314, 339, 363, 660, 784, 1015, 1026, 1683, 2756)
"""Worlds in which everything happens that may, each of the later ones for something that is rare."""
_LOGS = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
_FEEDS = _LOGS | {"sqs:GetQueueAttributes"}
BY_LAMBDA = {**dict.fromkeys(GRANTS, _LOGS), "on_events": _FEEDS, "on_commands": _FEEDS}
"""What Lambda itself does with a function's role, beside receiving messages: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
RUN_QUEUE = "batchwright-notices-judged"
OTHER_PREFIX = replace(PLACE, stage="other").prefix
WITHOUT_NARROWER = {"batch:ListJobs", "batch:DescribeJobs"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JudgedApp]:
    with judged_app(tmp_path_factory.mktemp("judged")) as app:
        yield app


@pytest.fixture(autouse=True)
def nothing_is_refused(app: JudgedApp) -> Iterator[None]:
    yield
    assert app.judge.refused == []
    assert app.denied == []


def test_a_fan_out_whose_tasks_are_tagged_and_one_fails_once(app: JudgedApp) -> None:
    tagged = {"command": ["true"], "tags": {"team": "films"}}
    parts = {f"part-{n}": {**tagged, "depends_on": ["first"]} for n in range(7)}
    parts["part-0"]["command"] = ["sh", "-c", "test ${task.attempt} = 2"]
    parts["part-0"]["retry"] = {"attempts": 2}
    app.push("fan-out", {"first": tagged, **parts, "last": {"command": ["true"], "depends_on": list(parts)}})
    assert app.run_to_its_end(app.start("fan-out")) == "succeeded"


def test_functions_that_have_met_nothing_yet(app: JudgedApp) -> None:
    app.push("cold", {"first": {"command": ["true"]}, "then": {"command": ["true"], "depends_on": ["first"]}})
    run_id = app.start("cold")
    app.cool()
    assert app.run_to_its_end(run_id) == "succeeded"


def test_many_roots(app: JudgedApp) -> None:
    app.push("roots", {f"root-{n}": {"command": ["true"], "tags": {"team": "films"}} for n in range(8)})
    assert app.run_to_its_end(app.start("roots")) == "succeeded"


def test_a_job_that_batch_refuses(app: JudgedApp) -> None:
    app.push("refused", {"first": {"command": ["true"]}, "then": {"command": ["true"], "depends_on": ["first"]}})
    app.push("refused", {"first": {"command": ["true"], "job_definition": "no-such-definition:7"}})
    assert app.run_to_its_end(app.start("refused")) == "failed"


def test_a_run_with_a_queue_of_its_own_whose_task_fails(app: JudgedApp) -> None:
    client("sqs", app.aws.environment).create_queue(QueueName=RUN_QUEUE)
    tasks = {"first": {"command": ["sh", "-c", "echo bad; exit 3"]}, "then": {"command": ["true"]}}
    app.push("told", tasks, notify={"queue": RUN_QUEUE})
    assert app.run_to_its_end(app.start("told")) == "failed"


def test_the_notice_of_a_failed_array_tells_what_its_child_died_of_and_wrote(app: JudgedApp) -> None:
    sqs = client("sqs", app.aws.environment)
    url = sqs.create_queue(QueueName=f"{RUN_QUEUE}-arrays")["QueueUrl"]
    command = [
        "sh",
        "-c",
        "echo part $AWS_BATCH_JOB_ARRAY_INDEX is bad; test $AWS_BATCH_JOB_ARRAY_INDEX != 2 || exit 7",
    ]
    tasks = {"parts": {"command": command, "array": {"size": 4}}}
    app.push("array", tasks, notify={"queue": f"{RUN_QUEUE}-arrays", "on": ["run_failed"]})
    assert app.run_to_its_end(app.start("array")) == "failed"
    told = [json.loads(one["Body"]) for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    [job] = next(one["jobs"] for one in told if one["kind"] == NoticeKind.RUN_FAILED)
    assert (job["failed_children"], job["array_size"], job["failure"]) == (1, 4, "dependency")
    child = job["child"]
    assert (child["index"], child["exit_code"], child["failure"], child["alike"]) == (2, 7, "application", 1)
    assert job["log_lines"] == ["part 2 is bad"]


def test_what_the_api_is_asked_of_a_run(app: JudgedApp) -> None:
    long = {"command": ["sh", "-c", "echo began; sleep 600"]}
    app.push("asked", {"long": long, "then": {"command": ["true"], "depends_on": ["long"]}})
    run_id = app.api(lambda api: api.start_run(m.StartRun(workflow="asked"), "key")).run_id
    app.take("on_events", wait_seconds=5)
    for act in (DirectApi.pause, DirectApi.resume):
        app.api(lambda api, act=act: act(api, run_id))
        app.take("on_commands", wait_seconds=1)
    wait_until(lambda: app.api(lambda api: api.logs(run_id, "long", limit=10)).items, "a line of the log")
    app.api(lambda api: (api.run(run_id), api.tasks(run_id), api.task(run_id, "long"), api.events(run_id)))
    assert [run.run_id for run in app.api(lambda api: api.runs(workflow="asked")).items] == [run_id]
    app.api(lambda api: api.cancel(run_id, m.Cancel()))
    assert app.run_to_its_end(run_id) == "cancelled"
    app.api(lambda api: api.redrive(run_id, m.Redrive(scope=Scope.ALL)))
    app.api(lambda api: api.cancel(run_id, m.Cancel()))
    assert app.run_to_its_end(run_id) == "cancelled"


def test_what_the_api_is_asked_of_jobs_of_others(app: JudgedApp) -> None:
    batch = client("batch", app.aws.environment)
    resources = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    container = {"image": "none", "command": ["sh", "-c", "echo theirs"], "resourceRequirements": resources}
    batch.register_job_definition(jobDefinitionName="theirs", type="container", containerProperties=container)
    job_id = batch.submit_job(jobName="theirs", jobQueue="default", jobDefinition="theirs")["jobId"]

    def ended() -> bool:
        app.take("on_events", wait_seconds=1)
        return [
            job.job_id
            for job in app.api(lambda api: api.jobs(JobFilter(names=(NamePattern("theirs"),)))).items
            if job.status.ended
        ] == [job_id]

    wait_until(ended, "the record of a foreign job")
    assert job_id in [job.job_id for job in app.api(lambda api: api.jobs(JobFilter(queues=("default",)))).items]
    assert app.api(lambda api: api.job(job_id)).name == "theirs"
    wait_until(lambda: app.api(lambda api: api.job_logs(job_id)).items, "a line of the log")


def test_what_monitors_ask_where_a_job_of_others_waits_for_too_long(app: JudgedApp) -> None:
    app.api(lambda api: api.put_monitors({"monitors": {"waits": {"waiting_longer": {"than_seconds": 60}}}}))
    hours_ago_ms = int(time.time() * 1000) - 7_200_000
    detail = {"jobId": "4e70aa5a-7f1e-4b64-b3b5-0f5c7a1e0001", "jobName": "waits", "status": "RUNNABLE"}
    detail |= {"jobQueue": "job-queue/default", "jobDefinition": "job-definition/theirs:1"}
    event = {"source": "aws.batch", "detail-type": "Batch Job State Change", "time": iso_time(hours_ago_ms)}
    app.send("on_events", json.dumps({**event, "detail": {**detail, "createdAt": hours_ago_ms}}))
    app.cool()
    assert app.take("on_events", wait_seconds=5)
    app.sweep()
    assert {"dynamodb:BatchWriteItem", "sns:Publish"} <= {action for action, _ in app.judge.asked["sweep"]}
    app.api(lambda api: api.delete_monitors())
    app.cool()


def test_what_a_monitor_asks_where_nothing_ran_by_a_time_of_day(app: JudgedApp) -> None:
    now_ms = int(time.time() * 1000)
    by = iso_time(now_ms - 600_000)[11:16]
    quiet = {"names": ["none"], "nothing_ran": {"by": f"{by[:4]}{int(by[4]) // 5 * 5}", "after": "00:00"}}
    # Nobody can wait until it has watched for long enough.
    store = app.wired.world.store
    pushed = pushed_after(store.monitors(), {"monitors": {"quiet": quiet}}, now_ms - 3 * 86_400_000)
    assert store.put_monitors(pushed)
    app.cool()
    app.sweep()
    assert ("sqs:GetQueueAttributes", PLACE.arn("sqs", f"{PLACE.prefix}-events")) in app.judge.asked["sweep"]
    app.api(lambda api: api.delete_monitors())
    app.cool()


def test_what_the_api_is_asked_of_workflows(app: JudgedApp) -> None:
    definition = {"name": "put", "defaults": SHELL, "tasks": {"only": {"command": ["true"]}}}
    app.api(lambda api: api.put_workflow("put", definition))
    assert "put" in {one.name for one in app.api(lambda api: api.workflows()).items}
    assert app.api(lambda api: api.workflow("put")).version == 1
    app.api(lambda api: api.delete_workflow("put"))
    assert app.api(lambda api: api.health()).status == "ok"


def test_schedules_that_the_api_brings_to_where_they_are_fired_from(app: JudgedApp) -> None:
    app.api(lambda api: api.put_workflow("hourly", scheduled("hourly", "1 hour")))
    app.api(lambda api: api.put_workflow("hourly", scheduled("hourly", "2 hours")))
    [schedule] = app.api(lambda api: api.schedules("hourly"))
    assert schedule.expression == "rate(2 hours)"
    app.api(lambda api: api.pause_schedule("hourly", "often"))
    app.api(lambda api: api.resume_schedule("hourly", "often"))
    app.sweep()
    app.api(lambda api: api.delete_workflow("hourly"))


def test_schedules_that_the_sweep_brings_there_for_nobody_else_could(app: JudgedApp) -> None:
    app.scheduler_is_down = True
    with pytest.raises(SchedulesNotPlaced):
        app.api(lambda api: api.put_workflow("late", scheduled("late", "1 hour")))
    app.scheduler_is_down = False
    wait_until(lambda: app.sweep() or is_placed(app, "late"), "the schedule to be placed by the sweep")
    app.scheduler_is_down = True
    with pytest.raises(TryAgain):
        app.api(lambda api: api.delete_workflow("late"))
    app.scheduler_is_down = False
    wait_until(lambda: app.sweep() or not is_placed(app, "late"), "the schedule to be removed by the sweep")


def scheduled(name: str, rate: str) -> dict[str, Any]:
    tasks = {"only": {"command": ["true"]}}
    return {"name": name, "defaults": SHELL, "tasks": tasks, "schedules": {"often": {"rate": rate}}}


def is_placed(app: JudgedApp, workflow: str) -> bool:
    """Whether EventBridge Scheduler has a schedule of the workflow."""
    found = client("scheduler", app.aws.environment).list_schedules(GroupName=PLACE.prefix)["Schedules"]
    return any(one["Name"].startswith(f"{workflow}-") for one in found)


def test_a_token_from_its_making_to_its_end(app: JudgedApp) -> None:
    made = app.api(lambda api: api.create_token(m.NewToken(name="laptop", scope=m.TokenScope.READ)))
    assert effect_of(app.let_in(f"Bearer {made.secret}")) == "Allow"
    assert [one.name for one in app.api(lambda api: api.tokens())] == ["laptop"]
    app.api(lambda api: api.revoke_token(made.token.token_id))
    app.cool()
    assert "Allow" not in str(refused(app, f"Bearer {made.secret}"))


def effect_of(answer: dict[str, Any]) -> str:
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


def refused(app: JudgedApp, header: str) -> object:
    """What the authorizer says to a token that is no good: an answer or an error."""
    try:
        return app.let_in(header)
    except Exception as error:
        return error


@pytest.mark.parametrize("adopter", ["on_events", "sweep"])
def test_a_submission_whose_answer_was_lost(app: JudgedApp, adopter: str) -> None:
    """Its own event adopts the job, or the sweep hands the claim to somebody who asks for the job by its name."""
    app.push(
        f"lost-{adopter}",
        {"first": {"command": ["sleep", "2"]}, "then": {"command": ["true"], "depends_on": ["first"]}},
    )
    app.lose_next_submission = True
    run_id = app.start(f"lost-{adopter}")
    if adopter == "sweep":
        app.drop("on_events", app.messages("on_events", 5))
    assert app.run_to_its_end(run_id, swept=True) == "succeeded"


def test_a_run_whose_events_are_all_lost(app: JudgedApp) -> None:
    app.push("swept", {"first": {"command": ["true"]}, "then": {"command": ["true"], "depends_on": ["first"]}})
    run_id = app.start("swept")
    while app.state_of(run_id) == "running":
        app.drop("on_events", app.messages("on_events", 1))
        app.sweep()
    assert app.state_of(run_id) == "succeeded"


@pytest.mark.parametrize("function", ["on_events", "on_commands"])
def test_a_message_that_cannot_be_handled(app: JudgedApp, function: str) -> None:
    app.send(function, "no JSON")
    assert app.take(function, wait_seconds=5)
    app.send(function, "no JSON")
    assert app.take(function, receipts=5, wait_seconds=5)


def test_a_notice_that_goes_to_slack(app: JudgedApp) -> None:
    with http_receiver(Reply(500), Reply()) as slack:
        for _ in range(2):
            with suppress(AnswerLost):
                app.post_notice(NOTICES[NoticeKind.RUN_FAILED].document(), slack.url("/services/x"))
    assert len(slack.received) == 2


def enforced(pair: Asked) -> bool:
    """Whether MiniStack is asked for it: Batch is another server's, which checks nothing."""
    return not pair[0].startswith("batch:")


@pytest.mark.parametrize("function", GRANTS)
def test_a_call_is_refused_once_its_grant_is_gone(app: JudgedApp, function: str) -> None:
    """Makes the calls of the tests before it anew; alone, it fails."""
    pairs = {pair for pair in granted(PLACE, function) if enforced(pair) and pair[0] not in BY_LAMBDA[function]}
    for pair in pairs:
        with app.roles.without(function, pair):
            refusal = app.try_as(function, call_for(app, function, pair))
        assert "AccessDenied" in refusal or "AuthorizationError" in refusal, pair
        assert f"not authorized to perform: {pair[0]} " in refusal
    assert pairs


def call_for(app: JudgedApp, function: str, pair: Asked) -> Call:
    """A call that takes this right: the function's own, or another's if it makes one in simulated worlds alone."""
    every = [app.judge.asked.get(function, {}), *app.judge.asked.values()]
    asked = [one for calls in every for one in calls.items()]
    for found, call in asked:
        if covers(pair, found):
            return call
    for found, call in asked:
        if found[0] == pair[0]:
            # The same on another queue.
            return replace(call, params=renamed(call.params, last_name(found[1]), last_name(pair[1])))
    raise AssertionError(f"no scenario asks for {pair[0]}")


def last_name(arn: str) -> str:
    return arn.rpartition(":")[2]


@pytest.mark.parametrize("function", GRANTS)
def test_no_call_reaches_what_belongs_to_another_stage(app: JudgedApp, function: str) -> None:
    """Makes the calls of the tests before it anew, with the names of another stage; alone, it fails."""
    asked = app.judge.asked.get(function, {})
    calls = {pair: call for pair, call in asked.items() if PLACE.prefix in pair[1] and enforced(pair)}
    for pair, call in calls.items():
        there = replace(call, params=renamed(call.params, PLACE.prefix, OTHER_PREFIX))
        assert "not authorized to perform: " in app.try_as(function, there), pair
    assert calls, "no scenario drives the function"


def renamed(given: Any, old: str, new: str) -> Any:
    """What a call was given, with another name wherever the old one stood."""
    match given:
        case str():
            return given.replace(old, new)
        case dict():
            return {renamed(name, old, new): renamed(value, old, new) for name, value in given.items()}
        case list():
            return [renamed(value, old, new) for value in given]
    return given


def test_no_role_but_the_schedules_own_can_be_passed(app: JudgedApp) -> None:
    """Makes a call of the tests before it anew; alone, it fails."""
    calls = app.judge.asked[API_HANDLER]
    call = next(call for (action, _), call in calls.items() if action == "scheduler:CreateSchedule")
    target = {**call.params["Target"], "RoleArn": renamed(call.params["Target"]["RoleArn"], PLACE.prefix, OTHER_PREFIX)}
    refusal = app.try_as(API_HANDLER, replace(call, params={**call.params, "Target": target}))
    assert "not authorized to perform: iam:PassRole " in refusal


def test_only_the_logs_of_jobs_can_be_read(app: JudgedApp) -> None:
    group = f"/aws/lambda/{PLACE.function_name('bearer')}"
    call = Call("logs", "GetLogEvents", {"logGroupName": group, "logStreamName": "stream"})
    assert "not authorized to perform: logs:GetLogEvents " in app.try_as(API_HANDLER, call)


@pytest.mark.parametrize("function", sorted({*GRANTS} - {API_HANDLER, "bearer", ON_NOTICES}))
def test_who_advances_runs_is_refused_every_token(app: JudgedApp, function: str) -> None:
    assert "with an explicit deny" in app.try_as(function, reading("TOKENS"))
    assert app.try_as(function, reading("RUN#films")) == ""


def test_the_authorizer_is_refused_all_but_the_tokens(app: JudgedApp) -> None:
    assert app.try_as("bearer", reading("TOKENS")) == ""
    assert "not authorized to perform: dynamodb:GetItem " in app.try_as("bearer", reading("RUN#films"))


@pytest.mark.parametrize(("attribute", "refused"), [("last_used_at_ms", ""), ("scope", "dynamodb:UpdateItem ")])
def test_the_authorizer_may_write_nothing_but_a_tokens_last_use(app: JudgedApp, attribute: str, refused: str) -> None:
    names = {"#changed": attribute}
    writing = {"UpdateExpression": "SET #changed = :new", "ConditionExpression": "attribute_exists(pk)"}
    params = {**reading("TOKENS").params, **writing, "ExpressionAttributeNames": names}
    call = Call("dynamodb", "UpdateItem", {**params, "ExpressionAttributeValues": {":new": {"N": "1"}}})
    found = app.try_as("bearer", call)
    assert (refused and f"not authorized to perform: {refused}") in found
    assert ("ConditionalCheckFailed" in found) == (not refused)


@pytest.mark.parametrize("asked", ["ReturnValues", "ReturnValuesOnConditionCheckFailure"])
def test_the_authorizer_may_not_ask_for_the_whole_token(app: JudgedApp, asked: str) -> None:
    writing = {"UpdateExpression": "SET last_used_at_ms = :new", "ConditionExpression": "attribute_exists(pk)"}
    params = {**reading("TOKENS").params, **writing, asked: "ALL_OLD"}
    call = Call("dynamodb", "UpdateItem", {**params, "ExpressionAttributeValues": {":new": {"N": "1"}}})
    assert "not authorized to perform: dynamodb:UpdateItem " in app.try_as("bearer", call)


def reading(partition: str) -> Call:
    """A look at a record that is not there."""
    key = {"pk": {"S": partition}, "sk": {"S": "none"}}
    return Call("dynamodb", "GetItem", {"TableName": PLACE.prefix, "Key": key})


def test_a_call_that_somebody_else_signed_is_refused(app: JudgedApp) -> None:
    with app.roles.forged("start"):
        assert "InvalidSignature" in app.try_as("start", reading("RUN#films"))


ACTS: dict[str, Callable[[JudgedApp], object]] = {
    "start": lambda app: app.start("lacking"),
    "sweep": lambda app: app.sweep(),
    API_HANDLER: lambda app: app.api(lambda api: api.put_workflow("unplaced", scheduled("unplaced", "1 hour"))),
    "bearer": lambda app: app.let_in(f"Bearer {written(new_token(bytes(40)))}"),
}


@pytest.mark.parametrize(
    ("function", "action", "on"),
    [
        ("start", "dynamodb:PutItem", "table"),
        ("start", "dynamodb:GetItem", "table"),
        ("start", "dynamodb:UpdateItem", "table"),
        ("sweep", "dynamodb:Query", "runs-by-sweep"),
        (API_HANDLER, "dynamodb:PutItem", "table"),
        (API_HANDLER, "scheduler:CreateSchedule", "schedules"),
        (API_HANDLER, "iam:PassRole", "scheduler-role"),
        ("bearer", "dynamodb:GetItem", "table"),
    ],
)
def test_a_function_fails_for_want_of_a_right(app: JudgedApp, function: str, action: str, on: str) -> None:
    app.push("lacking", {"only": {"command": ["true"]}})
    app.cool()
    lost = (action, resource_arn(PLACE, function, on))
    with app.roles.without(function, lost), app.denials() as denied, pytest.raises((ClientError, BatchwrightError)):
        ACTS[function](app)
    assert denied
    assert all(name == function and f"perform: {action} " in text for name, text in denied)


def test_a_run_that_stood_still_for_want_of_a_right_goes_on_once_it_is_given(app: JudgedApp) -> None:
    app.push("stood", {"first": {"command": ["true"]}, "then": {"command": ["true"], "depends_on": ["first"]}})
    run_id = app.start("stood")
    lost = ("dynamodb:UpdateItem", resource_arn(PLACE, "on_events", "table"))
    with app.roles.without("on_events", lost), app.denials() as denied:
        wait_until(lambda: app.take("on_events", wait_seconds=1) and denied, "an event that cannot be handled")
    assert {(name, "perform: dynamodb:UpdateItem " in text) for name, text in denied} == {("on_events", True)}
    assert app.state_of(run_id) == "running"
    assert app.run_to_its_end(run_id, swept=True) == "succeeded"


def test_a_policy_allows_nothing_that_is_never_asked(app: JudgedApp) -> None:
    """Looks at what the tests before it asked; alone, it fails."""
    simulated: dict[str, set[Asked]] = {name: set() for name in GRANTS}
    for function, action, resource in askings(SEEDS):
        simulated[function].add((action, resource_arn(PLACE, function, resource)))
    never = [
        (function, pair)
        for function in GRANTS
        for pair in granted(PLACE, function)
        if pair[0] not in BY_LAMBDA[function]
        and pair not in simulated[function]
        and not any(covers(pair, asked) for asked in app.judge.asked.get(function, ()))
    ]
    assert never == []


def test_a_policy_allows_all_that_is_asked_in_simulated_worlds(app: JudgedApp) -> None:
    found = askings(SEEDS)
    denied = [
        (function, action, resource)
        for function, action, resource in found
        if (action, resource_arn(PLACE, function, resource)) not in granted(PLACE, function)
    ]
    assert denied == []
    assert len(found) > 30


@pytest.mark.parametrize("function", GRANTS)
def test_only_what_has_no_narrower_resource_is_allowed_on_everything(function: str) -> None:
    pairs = granted(PLACE, function)
    assert {action for action, resource in pairs if resource == "*"} <= WITHOUT_NARROWER
    assert not [action for action, _ in pairs if "*" in action]
    assert all(resource == "*" or f":{PLACE.account}:" in resource for _, resource in pairs)


def test_every_function_of_the_app_has_a_policy() -> None:
    assert set(GRANTS) == functions_of_the_app()


def functions_of_the_app() -> set[str]:
    """The functions that app.py declares, by their decorators."""
    tree = ast.parse(Path(PROJECT_FOLDER / "app.py").read_text())
    # All routes are one function of Chalice's.
    found = {API_HANDLER}
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", ()):
            assert isinstance(decorator, ast.Call)
            if getattr(decorator.func, "attr", "") == "middleware":
                # It surrounds the functions, and is none.
                continue
            names = [word.value.value for word in decorator.keywords if word.arg == "name"]
            found.add(str(names[0]) if names else node.name)
    return found
