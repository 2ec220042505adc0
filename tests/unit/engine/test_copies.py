"""Jobs that carry the parameters of one of ours, because somebody copied it, are none of ours."""

import json

from chalicelib.core.states import RunState
from tests.memory.theatre import Theatre, plan_of, task


def copied(document: str) -> str:
    """The event of a job that somebody made from one of ours, parameters and all."""
    event = json.loads(document)
    event["detail"] |= {"jobId": "a-copy", "jobName": "my-copy"}
    return json.dumps(event)


def test_a_copy_of_a_job_is_not_terminated():
    theatre = Theatre(plan_of((task("a"), ())))
    theatre.start()
    theatre.deliver_event(copied(theatre.document(theatre.jobs("a")[0], "RUNNING")))
    assert "terminate" not in theatre.calls
    assert theatre.record("a").job_id == theatre.jobs("a")[0].job_id


def test_a_copy_that_succeeds_ends_no_task():
    theatre = Theatre(plan_of((task("a", attempts=2, backoff_seconds=60), ()), (task("b"), ["a"])), fails=[("a", 1)])
    theatre.start()
    failure = theatre.jobs("a")[0]
    theatre.deliver_event(theatre.ending_document(failure))
    theatre.deliver_event(copied(theatre.document(failure, "SUCCEEDED")))
    assert theatre.endings() == {}
    assert theatre.jobs("b") == []
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
