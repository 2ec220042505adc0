"""Jobs of others: recorded from their events in whatever order these come, and asked about when they fall silent."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.batch.job_record import JobState, ManagedBy
from chalicelib.core.errors import TryAgain
from chalicelib.core.states import JobStatus
from chalicelib.core.telemetry.metrics import Figure, JobEnd
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.watch.observe import DAY_MS
from chalicelib.engine.world.world import Settings
from tests.job_events import read_record
from tests.memory.theatre import Crash, Cut, Theatre, plan_of, task

PLAN = plan_of((task("a"), ()), (task("b"), ["a"]))
DAY_SECONDS = DAY_MS // 1000


@pytest.fixture
def theatre() -> Theatre:
    return Theatre(PLAN)


def event_of(job_id: str, status: str, tries: int = 0, **detail) -> str:
    """The event of a foreign job; created when the hand-set clock began."""
    known = {"jobId": job_id, "jobName": f"name-of-{job_id}", "status": status, "createdAt": 0, "parameters": {}}
    known |= {"jobQueue": "arn:aws:batch:us-east-1:111122223333:job-queue/theirs", "attempts": [{}] * tries, **detail}
    return json.dumps({"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": known})


def deliver(theatre: Theatre, *bodies: str) -> None:
    theatre.events.send(bodies)
    theatre.deliver_events()


def test_a_foreign_job_is_recorded_as_its_events_tell_it(theatre):
    deliver(theatre, event_of("x", "RUNNING", startedAt=5))
    deliver(theatre, event_of("x", "SUCCEEDED", 1, startedAt=5, stoppedAt=9), event_of("y", "FAILED"))
    x, y = theatre.store.job("x"), theatre.store.job("y")
    assert (x.status, x.queue, x.name, x.stopped_at_ms) == ("SUCCEEDED", "theirs", "name-of-x", 9)
    assert (y.status, y.failure) == ("FAILED", "unknown")
    assert theatre.events.bodies == []


def test_a_record_is_kept_for_the_days_that_the_stage_says(theatre):
    theatre.settings = Settings(jobs_kept_days=7)
    deliver(theatre, event_of("x", "RUNNING"))
    assert theatre.store.kept_until_ms["x"] == theatre.clock.now_ms() + 7 * DAY_MS


def test_of_several_events_of_a_job_in_one_batch_the_latest_is_written_alone(theatre):
    deliver(theatre, event_of("x", "SUCCEEDED", 1), event_of("x", "RUNNING"), event_of("x", "RUNNABLE"))
    assert theatre.store.job("x").status == "SUCCEEDED"
    assert theatre.calls.count("observe_job") == 1


def test_a_job_of_ours_is_recorded_only_where_the_stage_wants_so(theatre):
    theatre.start()
    theatre.play_on()
    assert [theatre.store.job(job.job_id) for job in theatre.jobs()] == [None, None]
    other = Theatre(PLAN, settings=Settings(record_own_jobs=True))
    run = other.start()
    other.play_on()
    records = [other.store.job(job.job_id) for job in other.jobs()]
    assert [(one.managed_by, one.run_id, one.task, one.attempt, one.status) for one in records] == [
        (ManagedBy.BATCHWRIGHT, run.run_id, name, 1, "SUCCEEDED") for name in "ab"
    ]


def test_a_copy_of_a_job_of_ours_is_foreign_and_changes_nothing_of_the_run(theatre):
    theatre.start()
    [job] = theatre.jobs("a")
    deliver(theatre, event_of("copy", "SUCCEEDED", 1, parameters=dict(job.request.parameters)))
    assert theatre.store.job("copy").is_foreign
    assert theatre.endings() == {}


def jobs_of_another_stage(**wants) -> Theatre:
    """A stage to which the events of a job of another stage's run came."""
    there, here = Theatre(PLAN, stage="dev"), Theatre(PLAN, stage="prod", settings=Settings(**wants))
    there.start()
    [job] = there.jobs("a")
    here.happened = job.job_id
    deliver(here, *(there.document(job, status) for status in ("RUNNING", "FAILED")))
    return here


def test_a_job_of_another_stage_is_none_of_ours():
    here = jobs_of_another_stage(record_own_jobs=True)
    assert here.store.job(here.happened) is None, "this stage records no jobs but its own"


def test_a_job_of_another_stage_is_foreign_where_foreign_jobs_are_observed():
    here = jobs_of_another_stage(observe_all_jobs=True, record_own_jobs=True)
    record = here.store.job(here.happened)
    assert (record.status, record.is_foreign, record.run_id, record.task) == ("FAILED", True, None, None)


def test_what_batch_tells_of_a_silent_job_of_another_stage_is_foreign_too():
    there, here = Theatre(PLAN, stage="dev"), Theatre(PLAN, stage="prod", settings=Settings(observe_all_jobs=True))
    there.start()
    [job] = there.jobs("a")
    deliver(here, there.document(job, "RUNNING"))
    here.batch.others[job.job_id] = json.loads(there.document(job, "SUCCEEDED"))["detail"]
    here.sweep(after_seconds=DAY_SECONDS + 60)
    record = here.store.job(job.job_id)
    assert (record.status, record.is_foreign) == ("SUCCEEDED", True)


class Failing:
    """The store, but for records of jobs, which cannot be written."""

    def __init__(self, store, error: Exception) -> None:
        self._store = store
        self._error = error

    def __getattr__(self, name):
        return getattr(self._store, name)

    def observe_job(self, record, keep_until_ms):
        raise self._error


@pytest.mark.parametrize("error", [TryAgain("not now"), ZeroDivisionError("oh")])
def test_a_record_that_cannot_be_written_comes_again_and_holds_up_no_run(theatre, error):
    theatre.start()
    [job] = theatre.jobs("a")
    store, theatre.store = theatre.store, Failing(theatre.store, error)
    with pytest.raises(MessagesLeft, match=r"^1 of 2 messages are not done"):
        deliver(theatre, event_of("x", "RUNNING"), theatre.document(job, "SUCCEEDED"))
    assert theatre.endings() == {"a": "succeeded"}
    assert theatre.events.bodies == [event_of("x", "RUNNING")]
    theatre.store = store
    theatre.clock.advance(seconds=400)
    theatre.deliver_events()
    assert store.job("x").status == "RUNNING"


def test_a_foreign_record_that_takes_long_delays_no_event_of_a_run(theatre):
    theatre.start()
    [job] = theatre.jobs("a")
    left = []
    theatre.hooks["observe_job"] = lambda: left.extend(theatre.events.bodies)
    deliver(theatre, event_of("x", "RUNNING"), theatre.document(job, "SUCCEEDED"))
    assert left == [event_of("x", "RUNNING")], "the run's was deleted before"
    assert theatre.endings() == {"a": "succeeded"}


def test_our_own_change_that_is_not_done_is_recorded_only_when_it_is():
    theatre = Theatre(PLAN, settings=Settings(record_own_jobs=True))
    theatre.start()
    [job] = theatre.jobs("a")
    theatre.commands.failing = True

    def nothing(*args, **kwargs):
        raise TryAgain("not now")

    theatre.store.tally, tally = nothing, theatre.store.tally
    with pytest.raises(MessagesLeft):
        deliver(theatre, theatre.document(job, "SUCCEEDED"))
    assert theatre.store.job(job.job_id) is None
    theatre.store.tally = tally
    theatre.clock.advance(seconds=400)
    theatre.deliver_events()
    assert theatre.store.job(job.job_id).status == "SUCCEEDED"


def test_jobs_of_others_are_counted_apart_and_once(theatre):
    at = {"time": "2023-11-14T22:13:10Z"}
    for status in ("RUNNING", "FAILED", "FAILED"):
        deliver(theatre, json.dumps(json.loads(event_of("x", status)) | at))
    deliver(theatre, event_of("y", "SUCCEEDED"))
    figures = theatre.figures
    assert figures.of(Figure.OTHERS_JOBS_ENDED, JobEnd.FAILED) == figures.of(Figure.OTHERS_JOBS_FAILED, "unknown") == 1
    assert figures.of(Figure.OTHERS_JOBS_ENDED, JobEnd.SUCCEEDED) == 1
    assert figures.times[Figure.OTHERS_EVENT_LAG_SECONDS,][:2] == [10_000, 10_000]
    assert figures.of(Figure.JOBS_ENDED) == 0
    assert not figures.times[Figure.EVENT_LAG_SECONDS,]


def test_the_recorded_jobs_of_runs_are_not_counted_among_those_of_others():
    theatre = Theatre(PLAN, settings=Settings(record_own_jobs=True))
    theatre.start()
    theatre.play_on()
    assert theatre.figures.of(Figure.JOBS_ENDED) == 2
    assert theatre.figures.of(Figure.OTHERS_JOBS_ENDED) == 0


# Silence


def told(job_id: str, status: str, tries: int = 0, **detail) -> None:
    return json.loads(event_of(job_id, status, tries, **detail))["detail"]


def watched(theatre: Theatre) -> Theatre:
    """A job that has run since the clock began, and whose last event may never come."""
    deliver(theatre, event_of("x", "RUNNING", createdAt=theatre.clock.now_ms()))
    return theatre


def test_batch_is_not_asked_about_a_job_before_it_was_silent_for_a_day(theatre):
    watched(theatre).sweep(after_seconds=DAY_SECONDS - 60)
    assert theatre.batch.described == []


def test_a_job_whose_last_event_was_lost_gets_its_ending_from_batch(theatre):
    theatre.batch.others["x"] = told("x", "FAILED", 1, container={"exitCode": 3})
    assert watched(theatre).sweep(after_seconds=DAY_SECONDS + 60).jobs == 1
    assert (theatre.store.job("x").status, theatre.store.job("x").exit_code) == ("FAILED", 3)
    theatre.sweep(after_seconds=2 * DAY_SECONDS)
    assert theatre.batch.described == [("x",)]


def test_a_job_that_still_runs_is_asked_about_once_a_day_and_kept(theatre):
    theatre.batch.others["x"] = told("x", "RUNNING")
    watched(theatre)
    for _ in range(4):
        theatre.sweep(after_seconds=DAY_SECONDS // 2 + 60)
    assert theatre.batch.described == [("x",), ("x",)]
    assert theatre.store.kept_until_ms["x"] == theatre.clock.now_ms() + 90 * DAY_MS
    assert theatre.store.job("x").state is JobState.RUNNING


def test_a_job_that_batch_forgot_is_unknown_and_asked_about_no_more(theatre):
    watched(theatre).sweep(after_seconds=DAY_SECONDS + 60)
    theatre.sweep(after_seconds=5 * DAY_SECONDS)
    assert theatre.store.job("x").state is JobState.UNKNOWN
    assert theatre.batch.described == [("x",)]
    deliver(theatre, event_of("x", "SUCCEEDED", 1))
    assert theatre.store.job("x").state is JobState.SUCCEEDED


def test_many_silent_jobs_are_asked_about_a_hundred_a_sweep(theatre):
    for number in range(150):
        deliver(theatre, event_of(f"x{number}", "RUNNING", createdAt=theatre.clock.now_ms() + number))
    assert [theatre.sweep(after_seconds=after).jobs for after in (DAY_SECONDS + 60, 300, 300)] == [100, 50, 0]


def test_nothing_of_a_foreign_job_is_ended_or_submitted(theatre):
    theatre.batch.others["x"] = told("x", "RUNNING")
    watched(theatre).sweep(after_seconds=DAY_SECONDS + 60)
    assert not {"terminate", "submit"} & set(theatre.calls)


@pytest.mark.parametrize("answer", [{"jobId": "x", "status": 7}, {"jobId": "x", "status": "NEW"}, {"jobId": 1}])
def test_an_answer_of_batch_that_cannot_be_read_leaves_the_record(theatre, answer):
    theatre.batch.others["x"] = answer
    assert watched(theatre).sweep(after_seconds=DAY_SECONDS + 60).jobs == 1
    assert theatre.store.job("x").state is JobState.RUNNING


def test_a_batch_that_does_not_answer_does_not_fail_the_sweep(theatre):
    watched(theatre)

    def nothing(job_ids):
        raise TryAgain("DescribeJobs: not now")

    theatre.batch.describe = nothing
    assert theatre.sweep(after_seconds=DAY_SECONDS + 60).jobs == 0
    assert theatre.store.job("x").state is JobState.RUNNING


# Any order, any repeats, a crash at any call

LIVES = st.lists(
    st.tuples(
        st.sampled_from(["x", "y"]), st.sampled_from([*JobStatus]), st.integers(0, 3), st.integers(0, 3), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


def body_of(job_id: str, status: JobStatus, tries: int, snapshot: int, is_array: bool) -> str:
    if status.ended:
        # A job ends once: of two endings Batch tells the same.
        status, tries = JobStatus.SUCCEEDED, 3
    array = {"size": 2, "statusSummary": {"RUNNING": 1 + snapshot}, "statusSummaryLastUpdatedAt": snapshot}
    return event_of(job_id, status.value, tries, **({"arrayProperties": array} if is_array else {}))


@settings(deadline=None)
@given(lives=LIVES, data=st.data())
def test_whatever_the_order_the_repeats_and_the_crashes_the_latest_event_is_what_stays(lives, data):
    theatre = Theatre(PLAN)
    bodies = [body_of(*one) for one in lives]
    theatre.events.send(data.draw(st.permutations(bodies + data.draw(st.lists(st.sampled_from(bodies), max_size=4)))))
    while theatre.events.bodies:
        cut = data.draw(st.none() | st.builds(Cut, st.integers(0, 3), st.booleans()))
        theatre.cut = cut
        before = {job_id: theatre.store.job(job_id) for job_id in "xy"}
        try:
            theatre.deliver_events(data.draw(st.integers(1, 10)))
        except Crash:
            theatre.clock.advance(seconds=400)
        for job_id, record in before.items():
            if record is not None:
                assert theatre.store.job(job_id).order >= record.order
                assert not record.is_over or theatre.store.job(job_id) == record
    for job_id in "xy":
        records = [read_record(json.loads(body)) for body in bodies]
        latest = max((one for one in records if one.job_id == job_id), key=lambda one: one.order, default=None)
        kept = theatre.store.job(job_id)
        assert (kept and kept.order) == (latest and latest.order)
        assert kept is None or replace(kept, children={}) in [replace(one, children={}) for one in records]


def test_a_job_of_another_account_or_region_is_not_recorded_and_its_blocked_queue_not_told(theatre):
    theatre.home = ("111122223333", "us-east-1")
    for number, (account, region) in enumerate(
        [("111122223333", "us-east-1"), (None, None), ("444455556666", "us-east-1"), ("111122223333", "eu-west-1")]
    ):
        elsewhere = {key: value for key, value in {"account": account, "region": region}.items() if value}
        deliver(theatre, json.dumps({**json.loads(event_of(f"x{number}", "RUNNING")), **elsewhere}))
        blocked = json.loads(event_of(f"b{number}", "RUNNABLE", statusReason="UNDETERMINED"))
        deliver(theatre, json.dumps({**blocked, "detail-type": "Batch Job Queue Blocked", **elsewhere}))
    assert [theatre.store.job(f"x{number}") is not None for number in range(4)] == [True, True, False, False]
    assert [notice.jobs[0].job_id for notice in theatre.notices.published] == ["b0", "b1"]


def test_a_job_of_a_run_is_one_wherever_its_event_says_that_it_comes_from(theatre):
    theatre.home = ("111122223333", "us-east-1")
    theatre.start()
    document = json.loads(theatre.ending_document(theatre.jobs("a")[0]))
    deliver(theatre, json.dumps({**document, "account": "444455556666"}))
    assert theatre.endings() == {"a": "succeeded"}
