"""Stages of one account share its Batch, and each hears of all jobs."""

from chalicelib.core.run.records import RunState
from tests.memory.theatre import Theatre, plan_of, task

CHAIN = plan_of((task("a"), ()), (task("b"), ["a"]))


def test_a_stage_passes_over_the_jobs_of_another_with_the_same_workflow_and_key():
    dev = Theatre(CHAIN, stage="dev")
    prod = Theatre(CHAIN, stage="prod", batch=dev.batch)
    dev_run, prod_run = dev.start(), prod.start()
    assert dev_run.run_id != prod_run.run_id
    first, second = dev.batch.jobs.values()
    for event in (dev.document(first, "RUNNING"), dev.document(first, "SUCCEEDED")):
        prod.deliver_event(event)
    assert [job.terminated for job in (first, second)] == [None, None]
    assert len(dev.batch.jobs) == 2
    assert prod.run.state is RunState.RUNNING
    for stage, job in ((dev, first), (prod, second)):
        stage.deliver_event(stage.document(job, "SUCCEEDED"))
    assert len(dev.batch.jobs) == 4
    assert len({job.request.name for job in dev.batch.jobs.values()}) == 4
