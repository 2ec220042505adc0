"""The API's part about Batch jobs: listed, shown, and their logs read, wherever the API runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.api import models as m
from chalicelib.core.batch.job_record import JobFilter, JobState, ManagedBy, NamePattern
from chalicelib.core.errors import BadPage, UnknownJob, UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.engine.watch.observe import DAY_MS
from chalicelib.engine.world.world import Settings
from tests.contract.apis import Desk

ARN = "arn:aws:batch:us-east-1:111122223333:"
SECRET = "s3cr3t-in-clear"


def tell(desk: Desk, job_id: str, status: str, *, queue: str = "theirs", name: str = "scan", **detail: Any) -> None:
    """Have a foreign job's event handled. Whatever of it may hold a secret does."""
    known: dict[str, Any] = {
        "jobId": job_id,
        "jobName": name,
        "jobQueue": f"{ARN}job-queue/{queue}",
        "jobDefinition": f"{ARN}job-definition/shell:3",
        "status": status,
        "createdAt": desk.now_ms(),
        "parameters": {"password": SECRET},
        "container": {"environment": [{"name": "TOKEN", "value": SECRET}], "command": [SECRET]},
    }
    document = {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": {**known, **detail}}
    desk.play.deliver_event(json.dumps(document))


def tries(*streams: str) -> list[dict[str, Any]]:
    return [{"container": {"exitCode": 1, "logStreamName": stream}, "stoppedAt": 1} for stream in streams]


@pytest.fixture
def some(desk: Desk) -> Desk:
    """Six foreign jobs, one a second."""
    for number, status in enumerate(("RUNNING", "SUCCEEDED", "FAILED", "RUNNING", "PENDING", "FAILED")):
        queue = "theirs" if number % 2 else "others"
        tell(desk, f"job-{number}", status, queue=queue, name=f"scan-{number}")
        desk.pass_seconds(1)
    return desk


def ids(page: m.JobPage) -> list[int]:
    return [int(job.job_id.removeprefix("job-")) for job in page.items]


def test_jobs_are_listed_newest_first_page_by_page(some: Desk) -> None:
    first = some.api.jobs(limit=4)
    assert ids(first) == [5, 4, 3, 2]
    second = some.api.jobs(limit=4, page=first.next)
    assert (ids(second), second.next) == ([1, 0], None)
    assert (first.looked_back_to_ms, second.looked_back_to_ms) == (first.items[-1].created_at_ms, None)


def test_jobs_are_listed_by_queue_state_name_and_time(some: Desk) -> None:
    api = some.api
    created = {job.job_id: job.created_at_ms for job in api.jobs().items}
    assert ids(api.jobs(JobFilter(queues=("theirs",)))) == [5, 3, 1]
    assert ids(api.jobs(JobFilter(queues=("theirs", "others")))) == [5, 4, 3, 2, 1, 0]
    assert ids(api.jobs(JobFilter(states=(JobState.FAILED, JobState.PENDING)))) == [5, 4, 2]
    assert ids(api.jobs(JobFilter(names=(NamePattern("scan-1"), NamePattern("*-4"))))) == [4, 1]
    assert ids(api.jobs(JobFilter(since_ms=created["job-2"], until_ms=created["job-4"]))) == [3, 2]
    assert ids(api.jobs(JobFilter(foreign=True, queues=("others",), states=(JobState.RUNNING,)))) == [0]
    assert ids(api.jobs(JobFilter(states=(JobState.UNKNOWN,)))) == []


def test_a_page_belongs_to_its_list(some: Desk) -> None:
    following = some.api.jobs(JobFilter(queues=("theirs",)), limit=2).next
    assert following is not None
    with pytest.raises(BadPage):
        some.api.jobs(limit=2, page=following)
    assert ids(some.api.jobs(JobFilter(queues=("theirs",)), limit=2, page=following)) == [1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 1_001},
        {"wanted": JobFilter(queues=("a b",))},
        {"wanted": JobFilter(names=(NamePattern("[x]"),))},
        {"wanted": JobFilter(names=(NamePattern("n"),) * 21)},
        {"wanted": JobFilter(queues=("",))},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_a_mistake(desk: Desk, wrong: dict[str, Any]) -> None:
    if wrong == {"wanted": JobFilter(queues=("",))} and type(desk.api).__name__ == "HttpApi":
        pytest.skip("an empty text is not sent")
    with pytest.raises(UserMistake):
        desk.api.jobs(**wrong)


def test_a_list_says_which_jobs_are_recorded_at_all(desk: Desk) -> None:
    page = desk.api.jobs()
    assert (page.items, page.records_foreign, page.records_own) == ([], False, False)
    desk.play.settings = Settings(observe_all_jobs=True, record_own_jobs=True)
    page = desk.api.jobs()
    assert (page.records_foreign, page.records_own) == (True, True)


def test_a_job_is_shown_with_what_its_events_told_and_no_secret(desk: Desk) -> None:
    environment = [{"name": "MANAGED_BY_AWS", "value": "STARTED_BY_STEP_FUNCTIONS"}, {"name": "A", "value": SECRET}]
    container = {
        "environment": environment,
        "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "512"}],
    }
    tell(desk, "j", "FAILED", attempts=tries("log-1", "log-2"), container=container, startedAt=5, stoppedAt=9)
    job = desk.api.job("j")
    assert (job.state, job.status, job.failure, job.exit_code) == ("FAILED", "FAILED", "application", 1)
    assert (job.queue, job.definition, job.name) == ("theirs", "shell:3", "scan")
    assert (job.vcpus, job.memory_mib, job.managed_by) == (2.0, 512, ManagedBy.STEP_FUNCTIONS)
    assert [one.log_stream for one in job.tries] == ["log-1", "log-2"]
    assert desk.api.jobs().items == [job]
    assert SECRET not in job.model_dump_json()


def test_an_array_tells_how_many_of_its_jobs_are_where(desk: Desk) -> None:
    summary = {"RUNNING": 3, "SUCCEEDED": 7, "FAILED": 0}
    tell(desk, "j", "PENDING", arrayProperties={"size": 10, "statusSummary": summary})
    job = desk.api.job("j")
    assert (job.array_size, job.children) == (10, {"RUNNING": 3, "SUCCEEDED": 7})


def test_an_unknown_job_suggests_the_nearest(some: Desk) -> None:
    with pytest.raises(UnknownJob, match="no job 'jab-3' is recorded; did you mean 'job-3'"):
        some.api.job("jab-3")
    with pytest.raises(UnknownJob, match="no job 'zzzzzzzz' is recorded; jobs of runs are told by the runs"):
        some.api.job("zzzzzzzz")
    with pytest.raises(UnknownJob):
        some.api.job_logs("jab-3")
    with pytest.raises(UnknownJob):
        some.api.job("a:1")


def test_a_job_that_batch_forgot_is_unknown_to_it_and_not_to_us(desk: Desk) -> None:
    tell(desk, "j", "RUNNING")
    desk.play.sweep(after_seconds=DAY_MS // 1000 + 60)
    job = desk.api.job("j")
    assert (job.state, job.status) == ("UNKNOWN", "RUNNING")
    assert job.lost_at_ms is not None


# Logs


def texts(page: m.LogPage) -> list[str]:
    return [line.text for line in page.items]


def test_the_log_of_a_job_that_ended_is_read_to_its_end_try_by_try(desk: Desk) -> None:
    tell(desk, "j", "FAILED", attempts=tries("log-1", "log-2"), stoppedAt=1)
    desk.logs.write("log-1", "one")
    desk.logs.write("log-2", "two", "three")
    api = desk.api
    first = api.job_logs("j", limit=1)
    assert texts(first) == ["two"]
    second = api.job_logs("j", page=first.next)
    assert texts(second) == ["three"]
    assert texts(api.job_logs("j", tail=1)) == ["three"]
    assert texts(api.job_logs("j", job_try=1)) == ["one"]
    last = api.job_logs("j", page=second.next)
    assert (last.items, last.next) == ([], None)
    with pytest.raises(UnknownJob, match="job j has had 2 tries; try 3 is not known"):
        api.job_logs("j", job_try=3)


def test_the_log_of_a_job_that_runs_is_where_batch_says(desk: Desk) -> None:
    tell(desk, "j", "RUNNING", attempts=tries("log-1"))
    api = desk.api
    assert api.job_logs("j").next is not None
    desk.play.batch.others["j"] = {
        "jobId": "j",
        "status": "RUNNING",
        "attempts": tries("log-1"),
        "container": {"logStreamName": "log-2"},
    }
    desk.logs.write("log-2", "now")
    page = desk.api.job_logs("j")
    assert texts(page) == ["now"]
    desk.logs.write("log-2", "more")
    assert texts(desk.api.job_logs("j", page=page.next)) == ["more"]
    desk.logs.write("log-1", "before")
    assert texts(desk.api.job_logs("j", job_try=1)) == ["before"]


def test_the_log_of_a_try_stays_its_own_when_the_next_one_began_untold(desk: Desk) -> None:
    tell(desk, "j", "RUNNING")
    desk.play.batch.others["j"] = {"jobId": "j", "status": "RUNNING", "container": {"logStreamName": "log-1"}}
    desk.logs.write("log-1", "first")
    page = desk.api.job_logs("j")
    assert texts(page) == ["first"]
    desk.logs.write("log-1", "last words")
    container = {"logStreamName": "log-1"}
    detail = {"jobId": "j", "status": "RUNNABLE", "attempts": tries("log-1"), "container": container}
    desk.play.batch.others["j"] = detail
    page = desk.api.job_logs("j", page=page.next)
    assert texts(page) == ["last words"]
    assert desk.api.job_logs("j", page=page.next).next is None
    tell(desk, "j", "RUNNING", attempts=tries("log-1"))
    assert texts(desk.api.job_logs("j")) == []
    detail |= {"status": "RUNNING", "container": {"logStreamName": "log-2"}}
    desk.logs.write("log-2", "again")
    assert texts(desk.api.job_logs("j")) == ["again"]


def test_a_job_that_never_began_has_an_empty_log(desk: Desk) -> None:
    tell(desk, "j", "FAILED", statusReason="Dependent Job failed")
    page = desk.api.job_logs("j")
    assert (page.items, page.next) == ([], None)


def test_of_an_array_a_child_must_be_named(desk: Desk) -> None:
    tell(desk, "j", "PENDING", arrayProperties={"size": 3, "statusSummary": {"RUNNING": 3}})
    api = desk.api
    with pytest.raises(UserMistake, match="job j is an array of jobs, each with a log: say of which child"):
        api.job_logs("j")
    with pytest.raises(UnknownJob, match="job j has 3 children, from 0; it has no 3"):
        api.job_logs("j", child=3)
    with pytest.raises(UnknownJob, match="Batch knows no job j:1"):
        api.job_logs("j", child=1)
    with pytest.raises(UserMistake, match="leave try out"):
        api.job_logs("j", child=1, job_try=1)
    desk.play.batch.others["j:1"] = {"jobId": "j:1", "status": "SUCCEEDED", "attempts": tries("log-c"), "stoppedAt": 1}
    desk.logs.write("log-c", "child one")
    assert texts(desk.api.job_logs("j", child=1)) == ["child one"]
    tell(desk, "single", "RUNNING")
    with pytest.raises(UnknownJob, match="job single is no array; it has no child 0"):
        desk.api.job_logs("single", child=0)


MAIN_AND_SIDE = {
    "taskProperties": [
        {
            "containers": [
                {"name": "side", "essential": False, "logStreamName": "log-side"},
                {"name": "main", "essential": True, "logStreamName": "log-main"},
            ]
        }
    ]
}


def test_a_job_of_several_containers_has_the_log_of_its_essential_one_while_it_runs(desk: Desk) -> None:
    for stream in ("log-side", "log-main"):
        desk.logs.write(stream, f"from {stream}")
    running = {"jobId": "j", "status": "RUNNING", "container": {}, "ecsProperties": MAIN_AND_SIDE}
    tell(desk, "j", "RUNNING", container={})
    desk.play.batch.others["j"] = running
    assert texts(desk.api.job_logs("j")) == ["from log-main"]
    tell(desk, "array", "PENDING", arrayProperties={"size": 3, "statusSummary": {"RUNNING": 3}})
    desk.play.batch.others["array:1"] = {**running, "jobId": "array:1"}
    assert texts(desk.api.job_logs("array", child=1)) == ["from log-main"]


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_a_job_of_several_nodes_has_the_log_of_its_main_node(desk: Desk, status: str) -> None:
    desk.logs.write("log-node", "from the main node")
    nodes = {"numNodes": 3, "mainNode": 2}
    tell(desk, "j", status, container={}, nodeProperties=nodes)
    desk.play.batch.others["j"] = {"jobId": "j", "status": status, "nodeProperties": nodes}
    assert texts(desk.api.job_logs("j")) == [], "Batch does not know the node yet"
    desk.play.batch.others["j#2"] = {"jobId": "j#2", "status": status, "container": {"logStreamName": "log-node"}}
    assert texts(desk.api.job_logs("j")) == ["from the main node"]


# Names of jobs

LONG = "3f0c2a9e-5b1d-4c55-9d0e-00000000000"


def test_a_job_is_found_by_what_its_id_begins_with_when_no_other_begins_so(desk: Desk) -> None:
    tell(desk, f"{LONG}1", "RUNNING")
    assert desk.api.job("3f0c2a9e").job_id == f"{LONG}1"
    with pytest.raises(UnknownJob, match="no job '3f0c2a9' is recorded"):
        desk.api.job("3f0c2a9")
    tell(desk, f"{LONG}2", "RUNNING")
    with pytest.raises(UnknownJob, match=f"2 jobs have ids that begin with '3f0c2a9e': {LONG}2, {LONG}1$"):
        desk.api.job("3f0c2a9e")
    assert desk.api.job(f"{LONG}2").job_id == f"{LONG}2"


def test_a_job_of_a_run_is_told_by_its_run(desk: Desk) -> None:
    run_id = desk.api.start_run(m.StartRun(workflow="films"), "key").run_id
    desk.carry_out()
    (job_id,) = desk.play.batch.jobs
    told = f"it is attempt 1 of task 'first' of run {run_id}. `batchwright show {run_id}` has it, and"
    with pytest.raises(UnknownJob, match=f"job {job_id} has no record; {told}"):
        desk.api.job(job_id)
    with pytest.raises(UnknownJob, match=f"`batchwright logs {run_id} first --attempt 1 --child 3` prints"):
        desk.api.job_logs(f"{job_id}:3")


def test_an_arrays_child_is_shown_as_batch_tells_it(desk: Desk) -> None:
    tell(desk, "j", "FAILED", arrayProperties={"size": 3, "statusSummary": {"SUCCEEDED": 2, "FAILED": 1}})
    with pytest.raises(UnknownJob, match="Batch knows no job j:1; some days after the end of an array it forgets its"):
        desk.api.job("j:1")
    with pytest.raises(UnknownJob, match="job j has 3 children, from 0; it has no 3"):
        desk.api.job("j:3")
    with pytest.raises(UnknownJob, match="no job 'k' is recorded"):
        desk.api.job("k:1")
    container = {"exitCode": 7, "reason": "went wrong", "environment": [{"name": "TOKEN", "value": SECRET}]}
    detail = {"jobId": "j:1", "jobName": "scan", "status": "FAILED", "createdAt": 1, "container": container}
    desk.play.batch.others["j:1"] = {**detail, "arrayProperties": {"index": 1}, "attempts": tries("log-c")}
    child = desk.api.job("j:1")
    assert (child.job_id, child.state, child.name) == ("j:1", "FAILED", "scan")
    assert SECRET not in child.model_dump_json()
    desk.logs.write("log-c", "child one")
    assert texts(desk.api.job_logs("j:1")) == texts(desk.api.job_logs("j", child=1)) == ["child one"]
    with pytest.raises(UserMistake, match="job j:1 is child 1 of its array, and child 2 is asked for"):
        desk.api.job_logs("j:1", child=2)


def test_an_array_names_its_jobs_that_failed_where_it_is_shown_alone(desk: Desk) -> None:
    tell(desk, "ok", "SUCCEEDED", arrayProperties={"size": 3, "statusSummary": {"SUCCEEDED": 3}})
    tell(desk, "j", "FAILED", arrayProperties={"size": 3, "statusSummary": {"SUCCEEDED": 1, "FAILED": 2}})
    assert desk.api.job("j").failed_children == [], "Batch has forgotten them"
    failed = [(2, 7), (0, 9)]
    desk.play.batch.children["j"] = [
        {
            "jobId": f"j:{index}",
            "status": "FAILED",
            "arrayProperties": {"index": index},
            "container": {"exitCode": code, "logStreamName": f"films/default/{index}"},
            "startedAt": 5,
        }
        for index, code in failed
    ]
    told = desk.api.job("j").failed_children
    assert told == [
        m.FailedChild(
            index=index,
            exit_code=code,
            failure=FailureClass.APPLICATION,
            log_stream=f"films/default/{index}",
            started_at_ms=5,
        )
        for index, code in sorted(failed)
    ]
    assert [job.failed_children for job in desk.api.jobs().items] == [None, None]
    several = [{"containers": [{"name": "side", "exitCode": 137}, {"name": "main", "exitCode": 3}]}]
    child = {"jobId": "j:1", "arrayProperties": {"index": 1}, "ecsProperties": MAIN_AND_SIDE, "statusReason": "ended"}
    desk.play.batch.children["j"] = [{**child, "status": "FAILED", "attempts": [{"taskProperties": several}]}]
    assert desk.api.job("j").failed_children == [
        m.FailedChild(index=1, exit_code=3, failure=FailureClass.APPLICATION, reason="ended")
    ]
    assert desk.api.job("ok").failed_children is None
