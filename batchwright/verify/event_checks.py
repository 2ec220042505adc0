"""Checks of Batch's events: pure judgements of what arrived in the temporary queue.

Owns the rules about events. How the events got there is watcher.py's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from batchwright.verify.observed import JobKind, Observed, Received
from batchwright.verify.verdict import Judged, broken, holds, judged, not_seen
from chalicelib.core.batch.classify import classify
from chalicelib.core.batch.document import end_of, end_of_try, job_tries
from chalicelib.core.batch.job_event import JobDocument, read_envelope
from chalicelib.core.batch.lenient import number
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import attempt_from_parameters, task_of_job_name

LATENCY_SECONDS_MAXIMUM = 60.0
"""Bounds the 95th percentile of the time from a change to its event in a queue."""
FAILURE_EXIT_CODE = 3
RETRY_EXIT_CODES = (11, 0)
"""How the two tries of the job end that Batch tries again: no two alike, so that their order shows."""
ARRAY_SIZE = 2
_ENDINGS = {
    JobKind.SUCCESS: "SUCCEEDED",
    JobKind.FAILURE: "FAILED",
    JobKind.RETRY: "SUCCEEDED",
    JobKind.ARRAY: "SUCCEEDED",
    JobKind.TAGGED: "SUCCEEDED",
    JobKind.CANCELLED: "FAILED",
}
_NOTHING = not_seen("no event came")


def check_rule(observed: Observed) -> Judged:
    return judged(observed.rule_seconds, lambda seconds: holds(f"it passed an event on after {seconds:.0f} s"))


def check_parameters(observed: Observed) -> Judged:
    """Every event of every job: of those that were submitted here, and of those that runs submitted."""
    if not observed.received:
        return _NOTHING
    lacking = []
    for one, job in observed.whose():
        parameters = one.detail.get("parameters")
        if job is not None:
            if parameters != job.parameters:
                lacking.append(f"{job.kind} {one.status}: {_short(parameters)}")
            continue
        attempt = attempt_from_parameters(parameters if isinstance(parameters, Mapping) else {})
        if attempt is None or attempt.run_id not in observed.run_ids:
            lacking.append(f"job of a run {one.status}: {_short(parameters)}")
    if lacking:
        return broken(f"{len(lacking)} of {len(observed.received)} events lack them; {lacking[0]}")
    return holds(f"all {len(observed.received)} events carry them")


def check_reader(observed: Observed) -> Judged:
    """That our own reader reads every event, and tells our jobs from copies by their names."""
    if not observed.received:
        return _NOTHING
    unread = []
    for one in observed.received:
        try:
            job = _job_in(one.document)
            change, record = (None, None) if job is None else (job.change(), job.record())
        except MalformedMessage as error:
            unread.append(f"{one.status}: {error}")
            continue
        is_whole = not set(":#") & set(one.job_id)
        if is_whole and (change is None or record is None):
            unread.append(f"{one.status}: it is not taken for an event of a job of ours")
        elif change is not None and task_of_job_name(change.attempt, change.job_name) is None:
            unread.append(f"{one.status}: the name {change.job_name!r} is not the one that the job was given")
    if unread:
        return broken(f"{len(unread)} of {len(observed.received)} events; {unread[0]}")
    return holds(f"all {len(observed.received)} events were read")


def check_endings(observed: Observed) -> Judged:
    wrong, missing = [], []
    for job in observed.submitted:
        ending = observed.ending_of(job.kind)
        if ending is None:
            missing.append(job.kind.value)
        elif ending.status != _ENDINGS[job.kind]:
            wrong.append(f"{job.kind} {ending.status}, not {_ENDINGS[job.kind]} ({_reason(ending)})")
    if wrong:
        return broken("; ".join(wrong))
    if missing or not observed.submitted:
        return not_seen(f"no end was told of: {', '.join(missing) or 'any job'}")
    return holds(f"the ends of all {len(observed.submitted)} jobs were told")


def check_attempts_order(observed: Observed) -> Judged:
    ending = observed.ending_of(JobKind.RETRY)
    if ending is None:
        return not_seen("the job that fails once has not ended")
    tries = job_tries(ending.detail)
    codes = [end_of_try(ending.detail, one).exit_code for one in tries]
    starts = [number(one.get("startedAt")) for one in tries]
    known_starts = [start for start in starts if start is not None]
    told = f"exit codes {_listed(codes)}, startedAt {_listed(starts)}"
    if codes == list(RETRY_EXIT_CODES) and known_starts == sorted(known_starts):
        return holds(f"oldest first: {told}")
    if codes == list(reversed(RETRY_EXIT_CODES)):
        return broken(f"newest first: {told}")
    return broken(f"not one entry a try, oldest first: {told}")


def check_attempts_grow(observed: Observed) -> Judged:
    events = observed.events_of(JobKind.RETRY)
    if not events:
        return _NOTHING
    between = [one.status for one in events if len(one.tries) == 1 and one.status not in ("SUCCEEDED", "FAILED")]
    seen = ", ".join(f"{one.status}/{len(one.tries)}" for one in events)
    if between:
        return holds(f"with one attempt it was {', '.join(dict.fromkeys(between))} again")
    if observed.ending_of(JobKind.RETRY) is None:
        return not_seen(f"so far: {seen}")
    return broken(f"no event between the tries; status/attempts: {seen}")


def check_failure(observed: Observed) -> Judged:
    return _check_failed(observed, JobKind.FAILURE, FailureClass.APPLICATION, FAILURE_EXIT_CODE)


def check_cancelled(observed: Observed) -> Judged:
    return _check_failed(observed, JobKind.CANCELLED, FailureClass.CANCELLED, None)


def _check_failed(observed: Observed, kind: JobKind, wanted: FailureClass, exit_code: int | None) -> Judged:
    ending = observed.ending_of(kind)
    if ending is None:
        return not_seen(f"the job '{kind}' has not ended")
    flags = [name for name in ("isCancelled", "isTerminated") if ending.detail.get(name) is True]
    code = end_of(ending.detail).exit_code
    found = classify(ending.detail) if ending.status == "FAILED" else None
    told = f"{ending.status}, exit code {code}, {_reason(ending)}{''.join(f', {flag}' for flag in flags)}"
    if found is wanted and (exit_code is None or code == exit_code):
        return holds(f"{found}: {told}")
    return broken(f"read as {found}: {told}")


def check_array(observed: Observed) -> Judged:
    events = observed.events_of(JobKind.ARRAY, with_children=True)
    job, ending = observed.job(JobKind.ARRAY), observed.ending_of(JobKind.ARRAY)
    if job is None or ending is None:
        return not_seen("the array has not ended") if events else _NOTHING
    children = {one.job_id: _array(one).get("index") for one in events if one.job_id != job.job_id}
    wanted = {f"{job.job_id}:{index}": index for index in range(ARRAY_SIZE)}
    size = _array(ending).get("size")
    if size != ARRAY_SIZE or "index" in _array(ending):
        return broken(f"the parent's arrayProperties are {_short(_array(ending))}")
    if children != wanted:
        shown = {job_id.rpartition(":")[2]: index for job_id, index in children.items()}
        return broken(f"children by the end of their ids, with their index: {_short(shown)}")
    statuses = list(dict.fromkeys(one.status for one in observed.events_of(JobKind.ARRAY)))
    return holds(f"its parent was {', '.join(statuses)}; the children are PARENT:0 and PARENT:1")


def check_tags(observed: Observed) -> Judged:
    job = observed.job(JobKind.TAGGED)
    events = observed.events_of(JobKind.TAGGED)

    def judge(tags: Mapping[str, str]) -> Judged:
        if job is None or tags.get("batchwright-verify") is None:
            return broken(f"the job that was submitted with tags has {_short(dict(tags))}")
        told = [one.detail.get("tags") or {} for one in events]
        in_events = any("batchwright-verify" in one for one in told if isinstance(one, Mapping))
        return holds(f"the job has them; its events {'carry them, too' if in_events else 'do not carry them'}")

    return judged(observed.tags, judge)


def latencies_seconds(received: Sequence[Received]) -> list[float]:
    """Seconds from each change that has a time of its own (a start, an end) to its event in the queue, ascending.
    Children of arrays count as jobs; repeats of an event do not count."""
    found: dict[tuple[str, str, int], float] = {}
    for one in received:
        field = {"RUNNING": "startedAt", "SUCCEEDED": "stoppedAt", "FAILED": "stoppedAt"}.get(one.status)
        at_ms = number(one.detail.get(field)) if field else None
        if at_ms:
            found.setdefault((one.job_id, one.status, len(one.tries)), max(0.0, (one.sent_at_ms - at_ms) / 1000))
    return sorted(found.values())


def percentile(ascending: Sequence[float], part: int) -> float:
    """The nearest rank: of ten values the 95th percentile is the last."""
    return ascending[max(0, -(-len(ascending) * part // 100) - 1)]


def check_latency(observed: Observed) -> Judged:
    found = latencies_seconds(observed.received)
    if not found:
        return _NOTHING
    p95 = percentile(found, 95)
    told = f"p50 {percentile(found, 50):.1f} s, p95 {p95:.1f} s, of {len(found)} starts and ends"
    return holds(told) if p95 <= LATENCY_SECONDS_MAXIMUM else broken(told)


def check_duplicates(observed: Observed) -> Judged:
    """An array's parent tells of its children's counts as often as it likes: its events repeat only under one id."""
    groups: defaultdict[tuple[Any, ...], list[Received]] = defaultdict(list)
    for one in observed.received:
        is_parent = "size" in _array(one)
        what = one.document.get("id") if is_parent else (one.status, len(one.tries))
        groups[(one.job_id, what)].append(one)
    repeated = [group for group in groups.values() if len(group) > 1]
    if not repeated:
        return not_seen(f"none of {len(observed.received)} events came twice")
    for group in repeated:
        changes = {_read_text(one) for one in group}
        if len(changes) > 1:
            return broken(f"{group[0].status} came {len(group)} times and says different things: {_differing(group)}")
    same_id = sum(len({one.document.get("id") for one in group}) == 1 for group in repeated)
    return holds(f"{len(repeated)} events came again, {same_id} of them under the same id; what is read is the same")


def _read_text(one: Received) -> str:
    """What our reader makes of an event, but for the envelope's time."""
    try:
        job = _job_in({**one.document, "time": None})
        return repr(None if job is None else job.change())
    except MalformedMessage as error:
        return str(error)


def _job_in(document: Mapping[str, Any]) -> JobDocument | None:
    event = read_envelope(document)
    return None if event is None else event.job()


def _differing(group: Sequence[Received]) -> str:
    keys = sorted({key for one in group for key in one.detail})
    return ", ".join(key for key in keys if len({_short(one.detail.get(key)) for one in group}) > 1)


def _array(one: Received) -> Mapping[str, Any]:
    found = one.detail.get("arrayProperties")
    return found if isinstance(found, Mapping) else {}


def _reason(one: Received) -> str:
    reasons = (end_of(one.detail).reason, one.detail.get("statusReason"))
    return "; ".join(str(reason) for reason in reasons if reason) or "no reason"


def _listed(values: Sequence[object]) -> str:
    return "[" + ", ".join("-" if value is None else str(value) for value in values) + "]"


def _short(value: object, characters: int = 160) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= characters else f"{text[:characters]}..."
