"""Who is told what: what a workflow says, what holds otherwise, and what is refused."""

import pytest

from chalicelib.core.definition.check import check_definition
from chalicelib.core.notice.kinds import NoticeKind as Kind
from chalicelib.core.notice.preferences import DEFAULT_KINDS, KINDS, Notify, queue_rule, read_kinds, resolve

QUEUE = "batchwright-notices-nightly"


def test_without_a_word_the_stage_decides():
    assert resolve(None, DEFAULT_KINDS) == Notify()
    assert resolve({}, (Kind.RUN_FAILED,)).kinds == (Kind.RUN_FAILED,)


def test_what_a_workflow_says_takes_the_place_of_the_stages_choice():
    assert resolve({"on": []}, DEFAULT_KINDS).kinds == ()
    assert resolve({"on": ["task_failed", "run_started"]}, DEFAULT_KINDS).kinds == (Kind.RUN_STARTED, Kind.TASK_FAILED)


def test_a_duration_is_wanted_where_it_is_given():
    notify = resolve({"waiting_after_seconds": 600}, (Kind.RUN_FAILED,))
    assert notify.kinds == (Kind.RUN_FAILED, Kind.JOB_WAITING)
    assert notify.after_ms(Kind.JOB_WAITING) == 600_000
    assert notify.after_ms(Kind.RUN_LATE) is None


def test_a_queue_that_was_named_at_the_start_takes_the_place_of_the_workflows():
    assert resolve({"queue": QUEUE}, ()).queue == QUEUE
    assert resolve({"queue": QUEUE}, (), f"{QUEUE}-2").queue == f"{QUEUE}-2"


def test_a_queue_hears_what_is_wanted_and_always_of_the_start_and_the_end():
    notify = Notify(kinds=(Kind.TASK_FAILED,), queue=QUEUE)
    heard = {kind for kind in KINDS if notify.to_queue(kind)}
    assert heard == {Kind.RUN_STARTED, Kind.RUN_SUCCEEDED, Kind.RUN_FAILED, Kind.RUN_CANCELLED, Kind.TASK_FAILED}
    assert {kind for kind in KINDS if notify.to_topic(kind)} == {Kind.TASK_FAILED}
    assert not any(Notify(kinds=()).to_anybody(kind) for kind in KINDS)


def test_kinds_are_read_with_commas_between_them():
    assert read_kinds(" task_failed,run_failed ,") == (Kind.RUN_FAILED, Kind.TASK_FAILED)
    assert read_kinds("") == ()
    with pytest.raises(ValueError, match=r"names 'run_fialed', which is no kind .*did you mean 'run_failed'"):
        read_kinds("run_fialed")


@pytest.mark.parametrize("name", ["nightly", "batchwright-notices-", "batchwright-notices-a.fifo", QUEUE + "x" * 70])
def test_other_queues_are_refused(name):
    assert queue_rule(QUEUE) is None
    assert "begins with 'batchwright-notices-'" in str(queue_rule(name))


def mistakes(notify: object) -> list[str]:
    tasks = {"only": {"job_definition": "d", "queue": "q", "command": ["true"]}}
    checked = check_definition({"name": "films", "tasks": tasks, "notify": notify})
    return [mistake.text for mistake in checked.mistakes]


@pytest.mark.parametrize(
    ("notify", "says"),
    [
        ({"on": ["run_fialed"]}, "names 'run_fialed', which is no kind of notice of a run"),
        ({"on": ["job_failed"]}, "names 'job_failed'"),
        ({"on": ["run_failed", "run_failed"]}, "on names 'run_failed' twice"),
        ({"on": ["job_waiting"]}, "on names 'job_waiting', and waiting_after_seconds is missing"),
        ({"on": ["run_failed"], "late_after_seconds": 60}, "late_after_seconds is of no use"),
        ({"late_after_seconds": 59}, "must be 60 or more, not 59"),
        ({"log_lines": 51}, "must be 50 or less, not 51"),
        ({"queue": "https://sqs.eu-west-1.amazonaws.com/1/q"}, "must be the name of an SQS queue"),
        ({"who": "me"}, "who is no key that is known here"),
    ],
)
def test_a_mistake_is_named(notify, says):
    assert any(says in text for text in mistakes(notify)), mistakes(notify)


def test_what_is_right_has_no_mistake():
    right = {"on": ["run_late", "task_failed"], "late_after_seconds": 7_200, "log_lines": 0, "queue": QUEUE}
    assert mistakes(right) == []
    assert mistakes({"running_after_seconds": 60}) == []
    assert mistakes({"on": []}) == []
