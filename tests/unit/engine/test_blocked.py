"""The event of a blocked queue becomes a notice, whoever's job it is."""

import json
from pathlib import Path

import pytest

from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.theatre import Cut, Theatre, plan_of, task

EVENT = (Path(__file__).parents[2] / "data/events/queue_blocked.doc.json").read_text()


def test_a_blocked_queue_is_told_once_a_week_and_with_one_id_however_often_batch_says_so() -> None:
    theatre = Theatre(plan_of((task("a"), ())))
    for number in range(3):
        theatre.deliver_event(json.dumps({**json.loads(EVENT), "id": str(number)}))
        theatre.clock.advance(seconds=600)
    assert [notice.kind for notice in theatre.notices.published] == [NoticeKind.QUEUE_BLOCKED]
    theatre.clock.advance(seconds=7 * 86_400)
    theatre.deliver_event(EVENT)
    assert len(theatre.notices.ids) == 2, "it is still blocked after a week"
    assert len(set(theatre.notices.ids)) == 1


def test_it_is_told_again_when_the_topic_did_not_answer_and_when_the_invocation_died() -> None:
    theatre = Theatre(plan_of((task("a"), ())))
    theatre.notices.failing = True
    with pytest.raises(MessagesLeft):
        theatre.deliver_event(EVENT)
    theatre.notices.failing = False
    assert theatre.notices.published == []
    theatre.clock.advance(seconds=400)
    assert theatre.crash(Cut("publish", after_effect=True), theatre.deliver_events)
    theatre.clock.advance(seconds=400)
    theatre.deliver_events()
    assert len(theatre.notices.published) == 2
    assert len(set(theatre.notices.ids)) == 1
    assert theatre.events.bodies == []


def test_a_task_of_another_stage_is_named_as_a_job_alone() -> None:
    there, theatre = (Theatre(plan_of((task("train"), ())), stage=stage) for stage in ("dev", "prod"))
    there.start()
    (job,) = there.jobs()
    document = json.loads(EVENT)
    of_job = {"jobId": job.job_id, "jobName": job.request.name, "parameters": dict(job.request.parameters)}
    theatre.deliver_event(json.dumps({**document, "detail": {**document["detail"], **of_job}}))
    (notice,) = theatre.notices.published
    assert (notice.run_id, notice.jobs[0].task) == (None, None)


def test_a_task_of_ours_that_waits_at_the_head_of_a_queue_is_named() -> None:
    theatre = Theatre(plan_of((task("train"), ())))
    theatre.start()
    (job,) = theatre.jobs()
    document = json.loads(EVENT)
    document["detail"] |= {
        "jobId": job.job_id,
        "jobName": job.request.name,
        "parameters": dict(job.request.parameters),
    }
    theatre.deliver_event(json.dumps(document))
    (notice,) = theatre.notices.published
    assert notice.run_id == theatre.run.run_id
    assert notice.jobs[0].task == "train"
    assert theatre.record("train").state == "submitted", "it says nothing of the job's state"
