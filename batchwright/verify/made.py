"""What one call of verify makes, and how it is removed and looked for: all of it by names that follow from its stamp.

Owns the order of removal. The queue goes last, so that a call that was killed is found by it and cleaned up by the next
one. What Batch itself keeps of ended jobs (seven days) nobody can remove.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchwright.deploy.account import is_missing
from batchwright.runs.view import every
from batchwright.subscriptions.run_queues import GONE
from batchwright.verify.here import Here
from batchwright.verify.jobs import REASON, SCHEDULE, STAMP_PATTERN, stamp_in, stamped, workflow_names
from batchwright.verify.traces import Rows
from batchwright.verify.watcher import TARGET
from chalicelib.api import models as m
from chalicelib.aws.answers import code_of
from chalicelib.aws.scheduler import schedule_name
from chalicelib.core.errors import BatchwrightError, UnknownWorkflow

JOB_LOG_GROUP = "/aws/batch/job"
LOCAL_DEFINITION = "batchwright-verify"
"""The job definition that is made on the local AWS, where nobody has one for this."""
END_SECONDS = 90.0
"""Bounds the wait for terminated jobs and cancelled runs to end, and for removed things to be seen gone. SQS lists a
deleted queue for up to a minute."""
POLL_SECONDS = 0.5
_ENDED = ("SUCCEEDED", "FAILED")


@dataclass(frozen=True, slots=True)
class Thing:
    """A kind of thing that a call makes. `find` names those that are there; `remove` removes them, if any."""

    what: str
    find: Callable[[], Sequence[str]]
    remove: Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class Made:
    """Everything of one call, by its stamp. `queue` is the job queue that its jobs are in."""

    here: Here
    stamp: str
    queue: str

    def things(self) -> tuple[Thing, ...]:
        """In the order of removal."""
        rows = Rows(self.here.aws.wired.clients.dynamodb, self.here.table, self.stamp, self.here.place.stage)
        return (
            Thing("run", self._runs, self._cancel_runs),
            Thing("job", self._jobs, self._terminate_jobs),
            Thing("workflow", self._workflows, self._delete_workflows),
            Thing("schedule", self._schedules, self._delete_schedules),
            Thing("log stream", self._log_streams, self._delete_log_streams),
            Thing("job definition", self._definitions, self._deregister),
            Thing("subscription", self._subscriptions, self._unsubscribe),
            Thing("rule", self._rules, self._delete_rules),
            Thing("row of the table", rows.find, rows.remove),
            Thing("queue", self._queues, self._delete_queues),
        )

    def remove(self, say: Callable[[str], None] = lambda text: None) -> list[str]:
        """Remove all that is there; what could not be removed, and why. One that is refused keeps no other."""
        troubles = []
        for thing in self.things():
            try:
                found = thing.find()
                if found:
                    say(f"removing {thing.what}: {len(found)}")
                    thing.remove(found)
            except (ClientError, BotoCoreError, BatchwrightError) as error:
                troubles.append(f"{thing.what}: {error}")
        return troubles

    def left(self) -> list[str]:
        """What is still there, after a wait for what goes slowly."""
        deadline = time.monotonic() + END_SECONDS
        while True:
            left = [told for thing in self.things() for told in _still_there(thing)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(POLL_SECONDS)

    def _runs(self) -> list[str]:
        found = []
        for workflow in workflow_names(self.stamp):
            try:
                runs = self.here.api.runs(workflow=workflow, limit=100).items
            except UnknownWorkflow:
                continue
            found += [run.run_id for run in runs if not run.state.ended]
        return found

    def _cancel_runs(self, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            self.here.api.cancel(run_id, m.Cancel(reason="batchwright verify is over"))
        _wait_until(lambda: all(self.here.api.run(run_id).state.ended for run_id in run_ids))

    def _all_jobs(self) -> Iterator[dict[str, Any]]:
        """The jobs of the call as ListJobs tells them, without children."""
        batch = self.here.client("batch")
        named = [{"name": "JOB_NAME", "values": [f"{stamped(self.stamp)}-*"]}]
        for page in batch.get_paginator("list_jobs").paginate(jobQueue=self.queue, filters=named):
            yield from page["jobSummaryList"]

    def _jobs(self) -> list[str]:
        return [job["jobId"] for job in self._all_jobs() if job.get("status") not in _ENDED]

    def _terminate_jobs(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            self.here.client("batch").terminate_job(jobId=job_id, reason=REASON)
        _wait_until(lambda: not self._jobs())

    def _workflows(self) -> list[str]:
        found = []
        for name in workflow_names(self.stamp):
            try:
                found.append(self.here.api.workflow(name).name)
            except UnknownWorkflow:
                continue
        return found

    def _delete_workflows(self, names: Sequence[str]) -> None:
        for name in names:
            self.here.api.delete_workflow(name)

    def _schedules(self) -> list[str]:
        scheduler, group = self.here.client("scheduler"), self.here.aws.environment["BATCHWRIGHT_SCHEDULE_GROUP"]
        names = [schedule_name(workflow, SCHEDULE) for workflow in workflow_names(self.stamp)]
        return [name for name in names if _is_there(partial(scheduler.get_schedule, GroupName=group, Name=name))]

    def _delete_schedules(self, names: Sequence[str]) -> None:
        """Only of a workflow whose deletion was cut short; else they went with it."""
        scheduler, group = self.here.client("scheduler"), self.here.aws.environment["BATCHWRIGHT_SCHEDULE_GROUP"]
        for name in names:
            scheduler.delete_schedule(GroupName=group, Name=name)

    def _log_streams(self) -> list[str]:
        batch, found = self.here.client("batch"), list(self._all_jobs())
        ids = [job["jobId"] for job in found]
        sizes = {job["jobId"]: (job.get("arrayProperties") or {}).get("size") for job in found}
        ids += [f"{job_id}:{index}" for job_id, size in sizes.items() for index in range(size or 0)]
        streams: dict[str, None] = {}
        for at in range(0, len(ids), 100):
            for job in batch.describe_jobs(jobs=ids[at : at + 100])["jobs"]:
                containers = [job.get("container"), *(one.get("container") for one in job.get("attempts", ()))]
                names = [(one or {}).get("logStreamName") for one in containers]
                streams |= dict.fromkeys(name for name in names if name)
        return [name for name in streams if self._has_stream(name)]

    def _has_stream(self, name: str) -> bool:
        logs = self.here.client("logs")
        try:
            found = logs.describe_log_streams(logGroupName=JOB_LOG_GROUP, logStreamNamePrefix=name)["logStreams"]
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return any(one["logStreamName"] == name for one in found)

    def _delete_log_streams(self, names: Sequence[str]) -> None:
        for name in names:
            _gone(partial(self.here.client("logs").delete_log_stream, logGroupName=JOB_LOG_GROUP, logStreamName=name))

    def _definitions(self) -> list[str]:
        if not self.here.is_local:
            return []
        pages = self.here.client("batch").get_paginator("describe_job_definitions")
        found = pages.paginate(jobDefinitionName=LOCAL_DEFINITION, status="ACTIVE")
        return [one["jobDefinitionArn"] for page in found for one in page["jobDefinitions"]]

    def _deregister(self, arns: Sequence[str]) -> None:
        for arn in arns:
            self.here.client("batch").deregister_job_definition(jobDefinition=arn)

    def _subscriptions(self) -> list[str]:
        endpoint = self.here.place.arn("sqs", self.here.watch_name(self.stamp))
        pages = self.here.client("sns").get_paginator("list_subscriptions_by_topic")
        return [
            one["SubscriptionArn"]
            for page in pages.paginate(TopicArn=self.here.topic_arn)
            for one in page["Subscriptions"]
            if one["Endpoint"] == endpoint
        ]

    def _unsubscribe(self, arns: Sequence[str]) -> None:
        for arn in arns:
            _gone(partial(self.here.client("sns").unsubscribe, SubscriptionArn=arn))

    def _rules(self) -> list[str]:
        found = self.here.client("events").list_rules(NamePrefix=self.here.watch_name(self.stamp))["Rules"]
        return [one["Name"] for one in found]

    def _delete_rules(self, names: Sequence[str]) -> None:
        events = self.here.client("events")
        for name in names:
            _gone(partial(events.remove_targets, Rule=name, Ids=[TARGET]))
            _gone(partial(events.delete_rule, Name=name))

    def _queues(self) -> list[str]:
        sqs, name = self.here.client("sqs"), self.here.watch_name(self.stamp)
        return [name] if _is_there(partial(sqs.get_queue_url, QueueName=name)) else []

    def _delete_queues(self, names: Sequence[str]) -> None:
        sqs = self.here.client("sqs")
        for name in names:
            _gone(partial(sqs.delete_queue, QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"]))


def earlier_stamps(here: Here) -> list[str]:
    """The stamps of calls that left something: found by their queues, rules and workflows. A name that is not exactly
    one of ours is never taken for one, because a stage `dev-verify` has queues whose names begin alike."""
    ours = re.compile(f"{re.escape(here.watch_prefix)}({STAMP_PATTERN})")
    urls = here.client("sqs").list_queues(QueueNamePrefix=here.watch_prefix, MaxResults=1000).get("QueueUrls", [])
    rules = here.client("events").list_rules(NamePrefix=here.watch_prefix)["Rules"]
    names = [url.rpartition("/")[2] for url in urls] + [rule["Name"] for rule in rules]
    found = {match[1] for name in names if (match := ours.fullmatch(name))}
    workflows = every(lambda page: here.api.workflows(limit=1000, page=page))
    found |= {stamp for workflow in workflows if (stamp := stamp_in(workflow.name))}
    return sorted(found)


def _still_there(thing: Thing) -> list[str]:
    try:
        return [f"{thing.what} {name}" for name in thing.find()]
    except (ClientError, BotoCoreError, BatchwrightError) as error:
        return [f"perhaps a {thing.what}: {error}"]


def _is_there(look: Callable[[], object]) -> bool:
    try:
        look()
    except ClientError as error:
        if is_missing(error) or code_of(error) in GONE:
            return False
        raise
    return True


def _gone(remove: Callable[[], object]) -> None:
    """Remove something, which somebody else may have removed meanwhile."""
    _is_there(remove)


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + END_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
