"""One call of verify: makes what it needs, submits, watches and looks, until all has been seen or the time is over.

Owns the order. It removes nothing: made.py does, whatever became of this.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from batchwright.client.http_api import HttpApi
from batchwright.local.batch.rules import LOOK_SECONDS
from batchwright.runs.progress import now_ms
from batchwright.verify import stage_looks as looks
from batchwright.verify.here import Here
from batchwright.verify.jobs import (
    REASON,
    TINY_JOBS,
    run_workflow,
    run_workflow_name,
    scheduled_workflow,
    stamped,
    submission,
)
from batchwright.verify.observed import NOT_YET, Asked, JobKind, Look, NotHere, Observed, Saw, Submitted, Unseen
from batchwright.verify.runs_watched import Acting, RunToCancel, RunToTheEnd
from batchwright.verify.steps import Steps
from batchwright.verify.watcher import Watch
from chalicelib.api import models as m

RULE_SECONDS = 120.0
"""Bounds the wait for the temporary rule to work. EventBridge says a short time, and means up to a minute."""
SCHEDULE_LEAD_SECONDS, LOCAL_SCHEDULE_LEAD_SECONDS = 90, 5
"""How far ahead the schedule is due. EventBridge Scheduler looks at whole minutes, the local one every few seconds."""
NOTICE_SECONDS = 60.0
"""Bounds the wait for the notice of a run that has ended."""
LINGER_SECONDS, LOCAL_LINGER_SECONDS = 15.0, 1.0
"""How long it goes on listening at the end: for repeats of events, and until log lines can be found."""
POLL_SECONDS, LOCAL_POLL_SECONDS = 5, 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be submitted where, and for how long it may take."""

    queue: str
    definition: str
    timeout_seconds: float


@dataclass
class Verification:
    """One call. `observed` gives what was seen so far, at any time."""

    here: Here
    stamp: str
    wish: Wish
    steps: Steps
    _watch: Watch = field(init=False)
    _submitted: list[Submitted] = field(default_factory=list)
    _errors: list[str] = field(default_factory=list)
    _rule: Look[float] = NOT_YET

    def __post_init__(self) -> None:
        self._watch = Watch(self.here, self.stamp)

    def run(self) -> Observed:
        """All of it, but for the clean-up."""
        here, began_ms, deadline = self.here, now_ms(), time.monotonic() + self.wish.timeout_seconds
        dead_before = looks.dead_letters(here)
        self._open()
        self._submit()
        ended, cancelled, answers = self._start()
        self._follow(ended, cancelled, deadline)
        self._linger()
        self._sweep()
        self.steps.show("stage", "looking at its functions, logs and dead letters")
        feeds = looks.look_at_feeds(here)
        tagged = next((job.job_id for job in self._submitted if job.kind is JobKind.TAGGED), "")
        return Observed(
            submitted=tuple(self._submitted),
            received=tuple(self._watch.received),
            run_ids=tuple(filter(None, (ended.run_id, cancelled.run_id))),
            rule_seconds=self._rule,
            tags=looks.look_at_tags(here, tagged),
            mappings=feeds,
            recursion=looks.look_at_recursion(here),
            concurrency=looks.look_at_concurrency(here, feeds),
            answers=answers,
            run=ended.run,
            redrive=ended.redrive,
            cancel=cancelled.cancel,
            schedule=cancelled.schedule,
            notices=Saw(tuple(self._watch.notices)),
            trouble=looks.look_for_trouble(here, began_ms, dead_before, self._errors),
        )

    def _open(self) -> None:
        """Make the queue that hears of everything, and wait until the rule works."""
        self.steps.show("rule", "making a temporary queue, rule and subscription")
        self._watch.open()
        began = time.monotonic()
        while not self._watch.rule_works and time.monotonic() - began < RULE_SECONDS:
            self._watch.probe()
            self._watch.poll(1)
        if self.here.is_local:
            # The local Batch applies rules by itself, and may not have read this one yet. The probe did not pass it.
            time.sleep(LOOK_SECONDS)
        seconds = time.monotonic() - began
        self._rule = Saw(seconds) if self._watch.rule_works else Unseen(f"no event passed it within {seconds:.0f} s")
        self.steps.show("rule", f"works after {seconds:.0f} s" if self._watch.rule_works else "passes nothing on")

    def _submit(self) -> None:
        batch = self.here.client("batch")
        for job in TINY_JOBS:
            request = submission(job, self.stamp, self.wish.queue, self.wish.definition)
            job_id = batch.submit_job(**request)["jobId"]
            self._submitted.append(Submitted(job.kind, job_id, request["jobName"], request["parameters"]))
            if job.kind is JobKind.CANCELLED:
                batch.terminate_job(jobId=job_id, reason=REASON)

    def _start(self) -> tuple[RunToTheEnd, RunToCancel, Look[Mapping[Asked, int]]]:
        """Push the two workflows, ask the HTTP API, and start the run."""
        here, stamp, wish = self.here, self.stamp, self.wish
        lead_seconds = LOCAL_SCHEDULE_LEAD_SECONDS if here.is_emulated else SCHEDULE_LEAD_SECONDS
        due_ms = (now_ms() // 1000 + lead_seconds) * 1000
        for document in (
            run_workflow(stamp, wish.queue, wish.definition),
            scheduled_workflow(stamp, wish.queue, wish.definition, due_ms),
        ):
            here.api.put_workflow(document["name"], document)
        tokens = looks.make_tokens(here, stamp)
        address = here.api_address()
        answers = looks.look_at_api(address, tokens, stamp)
        # What the functions may do shows only if they do it: the caller's own rights are others.
        acting = Acting(here.api, here.api, self._errors)
        if isinstance(address, Saw) and isinstance(answers, Saw) and answers.value.get(Asked.TOKEN) == 200:
            acting = Acting(HttpApi(address.value, tokens.admin), here.api, self._errors)
        if not here.is_local:
            payload = {"workflow": run_workflow_name(stamp), "params": {}, "idempotency_key": stamped(stamp)}
            self._invoke("start", payload)
        request = m.StartRun(workflow=run_workflow_name(stamp))
        run = acting.do("start a run", lambda api: api.start_run(request, stamped(stamp)))
        return RunToTheEnd(here, acting, stamp, run.run_id), RunToCancel(here, acting, stamp, due_ms, now_ms), answers

    def _follow(self, ended: RunToTheEnd, cancelled: RunToCancel, deadline: float) -> None:
        """Watch until all jobs and runs have ended and the notice is there, or the time is over."""
        wait_seconds = LOCAL_POLL_SECONDS if self.here.is_local else POLL_SECONDS
        notice_by: float | None = None
        while time.monotonic() < deadline:
            self._watch.poll(wait_seconds)
            self.steps.show("run", ended.step())
            self.steps.show("schedule", cancelled.step())
            still_open = self._open_jobs()
            self.steps.show("jobs", f"{len(self._submitted) - len(still_open)} of {len(self._submitted)} have ended")
            self.steps.count("events", f"{len(self._watch.received)} came, and {len(self._watch.notices)} notices")
            if still_open or not ended.is_over or not cancelled.is_over:
                continue
            notice_by = notice_by or time.monotonic() + NOTICE_SECONDS
            if self._watch.notices or time.monotonic() > notice_by:
                return
        ended.give_up(self.wish.timeout_seconds)
        cancelled.give_up(self.wish.timeout_seconds)

    def _open_jobs(self) -> list[JobKind]:
        so_far = Observed(submitted=tuple(self._submitted), received=tuple(self._watch.received))
        return [job.kind for job in self._submitted if so_far.ending_of(job.kind) is None]

    def _linger(self) -> None:
        until = time.monotonic() + (LOCAL_LINGER_SECONDS if self.here.is_local else LINGER_SECONDS)
        while time.monotonic() < until:
            self._watch.poll(1)

    def _sweep(self) -> None:
        """Have the sweep look once. On the local AWS it does so every two seconds."""
        if not self.here.is_local:
            self._invoke("sweep", looks.scheduled_event(self.here, now_ms()))

    def _invoke(self, function: str, payload: Mapping[str, object]) -> None:
        def call() -> str | None:
            return looks.invoke(self.here, function, payload)[1]

        match self.here.looked(call):
            case Saw(None):
                return
            case Saw(error):
                self._errors.append(str(error))
            case NotHere(reason) | Unseen(reason):
                self._errors.append(f"{function} could not be called: {reason}")
