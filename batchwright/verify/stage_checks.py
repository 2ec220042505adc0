"""Checks of a stage and its account: pure judgements of what was looked at beside the events.

Owns the rules. The looks themselves are stage_looks.py's and verifying.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from batchwright.verify.observed import Asked, Concurrency, Fired, Observed, QueueFeed, RunSeen
from batchwright.verify.verdict import Judged, broken, holds, judged
from chalicelib.wiring import PARTIAL_RESPONSES

PARTIAL = "ReportBatchItemFailures"
SCHEDULE_SECONDS_MAXIMUM = 120.0
"""Bounds how late a schedule's run may be there. EventBridge Scheduler fires within the minute."""
_REFUSED = (401, 403)
_OK = 200


def check_partial_responses(observed: Observed) -> Judged:
    return judged(observed.mappings, _judge_mappings)


def _judge_mappings(feeds: tuple[QueueFeed, ...]) -> Judged:
    wrong = []
    for feed in feeds:
        if PARTIAL not in feed.response_types:
            wrong.append(f"{feed.function}: FunctionResponseTypes is {list(feed.response_types)}")
        if feed.partial_responses != "true":
            wrong.append(f"{feed.function}: {PARTIAL_RESPONSES} is {feed.partial_responses or 'not set'}")
    if wrong or not feeds:
        return broken("; ".join(wrong) or "no queue feeds a function")
    return holds(f"{' and '.join(feed.function for feed in feeds)} report batch item failures")


def check_recursion(observed: Observed) -> Judged:
    def judge(found: Mapping[str, str]) -> Judged:
        told = ", ".join(f"{function}: {setting}" for function, setting in found.items())
        return holds(told) if all(setting == "Allow" for setting in found.values()) else broken(told)

    return judged(observed.recursion, judge)


def check_concurrency(observed: Observed) -> Judged:
    def judge(found: Concurrency) -> Judged:
        told = f"{found.quota} at a time in the account; " + ", ".join(
            f"{function} at most {'any number' if ceiling is None else ceiling}"
            for function, ceiling in found.ceilings.items()
        )
        known = [ceiling for ceiling in found.ceilings.values() if ceiling is not None]
        if len(known) < len(found.ceilings):
            return broken(f"{told}: a function without a limit can take all of the account's")
        if sum(known) >= found.quota:
            return broken(f"{told}: nothing is left for the others; ask for more in Service Quotas")
        return holds(told)

    return judged(observed.concurrency, judge)


def _answered(asked: Asked, *allowed: int) -> Callable[[Observed], Judged]:
    def judge(answers: Mapping[Asked, int]) -> Judged:
        status = answers.get(asked)
        told = f"{asked}: {status or 'no answer'}"
        return holds(told) if status in allowed else broken(told)

    return lambda observed: judged(observed.answers, judge)


check_token = _answered(Asked.TOKEN, _OK)
check_wrong_token = _answered(Asked.WRONG_TOKEN, *_REFUSED)
check_no_token = _answered(Asked.NO_TOKEN, *_REFUSED)


def check_context(observed: Observed) -> Judged:
    """That what the authorizer says of a token reaches the routes: its scope, and its workflow, be it none."""

    def judge(answers: Mapping[Asked, int]) -> Judged:
        wanted = {
            Asked.TOKEN: _OK,
            Asked.OWN_WORKFLOW: _OK,
            Asked.OTHER_WORKFLOW: 403,
            Asked.BEYOND_SCOPE: 403,
        }
        told = "; ".join(f"{asked}: {answers.get(asked, 'no answer')}" for asked in wanted)
        return holds(told) if all(answers.get(asked) == status for asked, status in wanted.items()) else broken(told)

    return judged(observed.answers, judge)


def check_schedule(observed: Observed) -> Judged:
    def judge(fired: Fired) -> Judged:
        if fired.started_at_ms is None:
            return broken(f"no run was there {SCHEDULE_SECONDS_MAXIMUM:.0f} s after its time")
        late_seconds = (fired.started_at_ms - fired.due_ms) / 1000
        told = f"its run was there {late_seconds:.0f} s after its time"
        return holds(told) if -1 <= late_seconds <= SCHEDULE_SECONDS_MAXIMUM else broken(told)

    return judged(observed.schedule, judge)


def _ended(wanted: str, look: Callable[[Observed], Any]) -> Callable[[Observed], Judged]:
    def judge(run: RunSeen) -> Judged:
        tasks = ", ".join(f"{name} {state}" for name, state in run.tasks.items())
        told = f"run {run.run_id} is {run.state}" + (f": {tasks}" if tasks else "")
        return holds(told) if run.state == wanted else broken(told)

    return lambda observed: judged(look(observed), judge)


check_run = _ended("succeeded", lambda observed: observed.run)
check_redrive = _ended("succeeded", lambda observed: observed.redrive)
check_cancel = _ended("cancelled", lambda observed: observed.cancel)


def check_notices(observed: Observed) -> Judged:
    def judge(notices: tuple[Mapping[str, Any], ...]) -> Judged:
        kinds = [str(one.get("kind")) for one in notices]
        ids = [one.get("id") for one in notices]
        if "run_succeeded" not in kinds:
            return broken(f"no notice of the run's success came; {len(kinds)} others: {', '.join(kinds)}")
        repeats = len(ids) - len(set(ids))
        return holds(f"{len(set(ids))} came ({', '.join(dict.fromkeys(kinds))}), {repeats} of them again")

    return judged(observed.notices, judge)


def check_policies(observed: Observed) -> Judged:
    return judged(
        observed.trouble,
        lambda found: broken("; ".join(found)) if found else holds("no refusal in the logs, no new dead letter"),
    )


def check_clean_up(observed: Observed) -> Judged:
    return judged(
        observed.left,
        lambda found: broken(f"still there: {'; '.join(found)}") if found else holds("all that was made is gone"),
    )
