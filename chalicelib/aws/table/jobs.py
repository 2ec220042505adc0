"""Records of Batch jobs in the table: put in the order of what they tell, read, listed, and asked about.

Owns the items and the search. The index holds only what jobs are searched by; what is found there is then read from
the table, so that a list tells each job as it is now. A job moves once in the index, from those that are open to those
that ended, and keeps its place among all. Beside its record each job has an entry, which never changes: by its key it
lists the job under its name, and by its attributes, in the index, under its queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from chalicelib.aws.table.calls import Addition, Item, Key, Outcome, Table
from chalicelib.aws.table.items import try_attributes
from chalicelib.aws.table.monitors import additions_of
from chalicelib.core.batch.job_record import (
    EVERY_JOB,
    JobFilter,
    JobPlace,
    JobRecord,
    JobState,
    ListedJobs,
    ManagedBy,
    NamePattern,
)
from chalicelib.core.batch.result import JobTry
from chalicelib.core.errors import Defect, TryAgain
from chalicelib.core.failure import FailureClass
from chalicelib.core.monitor.counts import Counted
from chalicelib.core.states import JobStatus
from chalicelib.ports.store import JOBS_LOOKED_AT

JOBS_BY_STATE = "jobs-by-state"
OPEN = "open"
"""The value of `job_state`, the index's partition key, of jobs that have not ended. It comes first: a job that ends
while a list is made is then met among those that ended, and none is missed in between."""
_PARTITIONS = {
    OPEN: tuple(state for state in JobState if state not in (JobState.SUCCEEDED, JobState.FAILED, JobState.UNKNOWN)),
    "succeeded": (JobState.SUCCEEDED,),
    "failed": (JobState.FAILED,),
    "unknown": (JobState.UNKNOWN,),
}
_JOB_PREFIX = "JOB#"
_QUEUE_PREFIX = "queue#"
"""What `job_state` begins with of the entries that list a queue's jobs."""
ENTRIES = "JOBS"
"""The partition of the entries. Their sort keys begin with the names of the jobs."""
_NAME_IN_KEY = 128
"""So many characters of a name are in a key: as long as Batch's names are. A sort key has at most 1,024 bytes."""
_ENTRY_LASTS_MS = 30 * 86_400_000
"""How much longer an entry is kept than its record was to be when it was made; a job runs for weeks at most."""
_TIME_DIGITS = 15
_PAGE_GROWTH = 5
"""The first page is about as long as the list is to be, and each further one longer, up to the 1 MB of a call: a search
for what is frequent reads little, and one for what is rare makes few calls."""
_SILENT_PAGES = 5
_FEW = 1_000
"""If no more jobs than that have the wanted names, all their entries are read, in the order of names. Of a name that
more have, the newest are soon met in the order of time."""
_RECORDS_READ = 100
_COUNTED_TRIES = 3

_NOT_PLAIN = ("job_id", "status", "failure", "managed_by", "vcpus", "tries", "children")
_PLAIN = tuple(field.name for field in fields(JobRecord) if field.name not in _NOT_PLAIN)


class DynamoJobs:
    """The part of the store port that is about jobs."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def observe_job(self, record: JobRecord, keep_until_ms: int, counted: Counted | None = None) -> JobRecord | None:
        attributes = job_attributes(record, keep_until_ms)
        if counted is None:
            condition = "attribute_not_exists(#pk) OR #job_order < :order"
            values = {"order": attributes["job_order"]}
            outcome = self._table.put_if(job_key(record.job_id), attributes, condition, values)
            # A replaced record of the same order is this one, whose answer was lost.
            replaced = outcome.item if outcome.landed else None
            is_later = replaced is not None and replaced["job_order"] != attributes["job_order"]
        else:
            outcome, is_later = self._put_counted(job_key(record.job_id), attributes, additions_of(counted))
        # Whoever put the first record may have died before its entry; then the event that told of it comes again, and
        # finds this or a later one in its way.
        if not is_later:
            self._table.put(entry_key(record), entry_attributes(record, keep_until_ms))
        if outcome.landed:
            return None
        if outcome.item is None:
            raise Defect(f"a record of job {record.job_id} stood in the way of another, yet was not told")
        return job_of(outcome.item)

    def job(self, job_id: str) -> JobRecord | None:
        item = self._table.get(job_key(job_id))
        return job_of(item) if item else None

    def list_jobs(self, limit: int, wanted: JobFilter = EVERY_JOB, *, after: JobPlace | None = None) -> ListedJobs:
        named = self._named(wanted)
        if named is not None:
            return self._list_named(named, limit, wanted, after)
        found = [self._search(partition, search) for partition, search in _searches(wanted, after, limit)]
        # Beyond the place up to which the slowest search came, another one may have jobs that this one has not met.
        reached = max((one.reached for one in found if one.reached is not None), default="")
        places = sorted({place for one in found for place in one.places if place >= reached}, reverse=True)
        more = len(places) > limit
        last = places[limit - 1] if more else reached
        jobs = filter(wanted.wants, self._records(places[:limit]).values())
        return ListedJobs(tuple(jobs), _place_of(last) if last else None)

    def open_jobs(
        self, limit: int, states: Sequence[JobState], until_ms: int, *, after: JobPlace | None = None
    ) -> ListedJobs:
        values = {"open": OPEN, "first": _text_of(after) if after else _first_of(0), "before": _first_of(until_ms)}
        names = {f"v{number}": state.value for number, state in enumerate(states)}
        places: list[str] = []
        start: Item | None = None
        looked_at = 0
        while values["first"] < values["before"]:
            page = self._table.query_page(
                JOBS_BY_STATE,
                "#job_state = :open AND #job_place BETWEEN :first AND :before",
                {**values, **names},
                kept=f"#status IN ({', '.join(f':{name}' for name in names)})",
                start=start,
                ascending=True,
            )
            places += [item["job_place"] for item in page.items if values["first"] < item["job_place"]]
            start, looked_at = page.start, looked_at + page.looked_at
            if start is None or len(places) > limit or looked_at >= JOBS_LOOKED_AT:
                break
        last = places[limit - 1] if len(places) > limit else start and start["job_place"]
        wanted = JobFilter(states=tuple(states), until_ms=until_ms)
        jobs = filter(wanted.wants, self._records(places[:limit]).values())
        return ListedJobs(tuple(jobs), _place_of(last) if last else None)

    def silent_jobs(self, before_ms: int, limit: int) -> list[JobRecord]:
        keys: list[Key] = []
        start: Item | None = None
        for _ in range(_SILENT_PAGES):
            page = self._table.query_page(
                JOBS_BY_STATE,
                "#job_state = :open AND #job_place < :before",
                {"open": OPEN, "before": _first_of(before_ms), "before_ms": before_ms},
                kept="#quiet_since_ms < :before_ms",
                start=start,
                ascending=True,
            )
            keys += [(item["pk"], item["sk"]) for item in page.items]
            start = page.start
            if start is None or len(keys) >= limit:
                break
        found = sorted(map(job_of, self._table.get_many(keys[:limit])), key=lambda record: record.place.order)
        return [record for record in found if not record.is_over]

    def job_asked(self, record: JobRecord, at_ms: int, keep_until_ms: int) -> None:
        values = {"order": _order(record), "at": at_ms, "expires": keep_until_ms // 1000}
        update = "SET #quiet_since_ms = :at, #expires_at = :expires"
        self._table.update_if(job_key(record.job_id), update, "#job_order = :order", values)

    def job_lost(self, record: JobRecord, at_ms: int) -> bool:
        values = {"order": _order(record), "at": at_ms, "unknown": "unknown", "open": OPEN}
        update = "SET #lost_at_ms = :at, #job_state = :unknown"
        condition = "#job_order = :order AND #job_state = :open"
        return self._table.update_if(job_key(record.job_id), update, condition, values).landed

    def _named(self, wanted: JobFilter) -> list[str] | None:
        """The places of all jobs with one of the wanted names, of whatever time. None where the order of time leads to
        them sooner: names of which the beginning is not known, names that many jobs have, and jobs that have not ended,
        which are few."""
        fronts = _fronts(wanted.names)
        if not fronts or (wanted.states and all(state in _PARTITIONS[OPEN] for state in wanted.states)):
            return None
        # Fewer jobs than have such names may be of a queue, or of a while.
        most = _FEW if wanted.queues or wanted.since_ms is not None else JOBS_LOOKED_AT
        conditions = _Conditions(wanted, job_state=[_of_queue(queue) for queue in wanted.queues])
        places: list[str] = []
        looked_at = 0
        for front in fronts:
            limit: int | None = _FEW + 1
            start: Item | None = None
            while True:
                page = self._table.query_page(
                    None,
                    "#pk = :entries AND begins_with(#sk, :front)",
                    {"entries": ENTRIES, "front": front, **conditions.values},
                    kept=conditions.text,
                    only=("name", "job_place"),
                    limit=limit,
                    start=start,
                )
                places += [item["job_place"] for item in page.items if wanted.has_name(item["name"])]
                start, limit, looked_at = page.start, None, looked_at + page.looked_at
                if start is None:
                    break
                if len(places) > _FEW or looked_at >= most:
                    return None
        return places

    def _list_named(self, named: Iterable[str], limit: int, wanted: JobFilter, after: JobPlace | None) -> ListedJobs:
        """As `list_jobs`, of the jobs in these places."""
        first, last = _stretch(wanted, after)
        places = sorted({place for place in named if first <= place < last}, reverse=True)
        # In which state they are, their records alone tell.
        at_once = max(limit + 1, _RECORDS_READ if wanted.states else 0)
        found: dict[str, JobRecord] = {}
        for begin in range(0, len(places), at_once):
            records = self._records(places[begin : begin + at_once])
            found.update((place, record) for place, record in records.items() if wanted.wants(record))
            if len(found) > limit:
                return ListedJobs(tuple(found.values())[:limit], _place_of(list(found)[limit - 1]))
        return ListedJobs(tuple(found.values()), None)

    def _records(self, places: Sequence[str]) -> dict[str, JobRecord]:
        """By place, in the given order: the records of the jobs there, if they still are."""
        ids = {place: _place_of(place).job_id for place in places}
        items = self._table.get_many([job_key(job_id) for job_id in dict.fromkeys(ids.values())])
        records = {record.job_id: record for record in map(job_of, items)}
        return {place: records[job_id] for place, job_id in ids.items() if job_id in records}

    def _put_counted(self, key: Key, attributes: Item, additions: Sequence[Addition]) -> tuple[Outcome, bool]:
        """Put a record and count it, in one transaction; what became of it, and whether it surely replaced an earlier
        record. Nearly always there is one, so that is tried first."""
        order = attributes["job_order"]
        for _ in range(_COUNTED_TRIES):
            outcome = self._table.put_with(key, attributes, "#job_order < :order", {"order": order}, additions)
            if outcome.landed or outcome.item is not None:
                return outcome, outcome.landed and outcome.item is None
            outcome = self._table.put_with(key, attributes, "attribute_not_exists(#pk)", None, additions)
            if outcome.landed or (outcome.item is not None and outcome.item["job_order"] >= order):
                return outcome, False
        raise TryAgain(f"the record of {key[0]} came and went {_COUNTED_TRIES} times in a row")

    def _search(self, partition: str, search: _Search) -> _Found:
        """The places of some jobs of a partition, newest first."""
        places: list[str] = []
        start, looked_at = None, 0
        limit: int | None = search.limit + 1
        while True:
            page = self._table.query_page(
                JOBS_BY_STATE,
                search.condition,
                {"partition": partition, **search.values},
                kept=search.kept,
                limit=limit,
                start=start,
            )
            places += [item["job_place"] for item in page.items if search.takes(item)]
            start, looked_at = page.start, looked_at + page.looked_at
            if start is None:
                return _Found(places, None)
            if len(places) > search.limit or looked_at >= JOBS_LOOKED_AT:
                return _Found(places, start["job_place"])
            limit = None if limit is None or looked_at > 1_000 else (limit + 1) * _PAGE_GROWTH


@dataclass(frozen=True, slots=True)
class _Found:
    """Places in the index, newest first, and the one up to which it was searched; None: to its end."""

    places: list[str]
    reached: str | None


def _searches(wanted: JobFilter, after: JobPlace | None, limit: int) -> list[tuple[str, _Search]]:
    """The partitions that have what is wanted, in the order in which they are to be searched.

    Of a queue, its own partition, unless the jobs in the wanted states are few beside those that succeeded.
    """
    states = wanted.states or tuple(JobState)
    if wanted.queues and JobState.SUCCEEDED in states:
        search = _Search(wanted, after, limit, states=(), queues=())
        return [(_of_queue(queue), search) for queue in dict.fromkeys(wanted.queues)]
    found = []
    for partition, of_partition in _PARTITIONS.items():
        if any(state in states for state in of_partition):
            asked = () if all(state in states for state in of_partition) else states
            found.append((partition, _Search(wanted, after, limit, asked, wanted.queues)))
    return found


class _Search:
    """What is asked of a partition of the index: jobs in one of the states and of one of the queues, if it has
    others, too; and with all else that is wanted."""

    def __init__(
        self,
        wanted: JobFilter,
        after: JobPlace | None,
        limit: int,
        states: Sequence[JobState],
        queues: Sequence[str],
    ) -> None:
        self.limit = limit
        self._wanted = wanted
        first, self._last = _stretch(wanted, after)
        conditions = _Conditions(wanted, status=states, queue=queues)
        self.condition = "#job_state = :partition AND #job_place BETWEEN :first AND :last"
        self.values = {"first": first, "last": max(first, self._last), **conditions.values}
        self.kept = conditions.text

    def takes(self, item: Mapping[str, Any]) -> bool:
        """Whether it is wanted, as far as the index tells and no condition could ask."""
        return self.values["first"] <= item["job_place"] < self._last and self._wanted.has_name(item.get("name", ""))


class _Conditions:
    """What is wanted of jobs, but for their times, as the condition of a search, `text`, and the `values` in it. Each
    attribute that is given must have one of its values, if there are any."""

    def __init__(self, wanted: JobFilter, **attributes: Sequence[str]) -> None:
        self.values: dict[str, str] = {}
        conditions = [self._one_of(name, values) for name, values in attributes.items() if values]
        if wanted.names:
            any_name = " OR ".join(map(self._name, wanted.names))
            # DynamoDB refuses parentheses that say nothing.
            conditions.append(f"({any_name})" if len(wanted.names) > 1 else any_name)
        if wanted.foreign:
            self.values["ours"] = ManagedBy.BATCHWRIGHT
            conditions.append("(attribute_not_exists(#managed_by) OR #managed_by <> :ours)")
        self.text = " AND ".join(conditions) or None

    def _value(self, value: str) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def _one_of(self, attribute: str, values: Sequence[str]) -> str:
        return f"#{attribute} IN ({', '.join(map(self._value, values))})"

    def _name(self, pattern: NamePattern) -> str:
        first, inner, last = pattern.parts
        conditions = [f"begins_with(#name, {self._value(first)})"] if first else []
        conditions += [f"contains(#name, {self._value(part)})" for part in (*inner, last) if part]
        return " AND ".join(conditions) or "attribute_exists(#pk)"


def _fronts(names: Sequence[NamePattern]) -> list[str]:
    """What the names that fit begin with, none of which begins with another; none if one of them may begin anyhow."""
    fronts: list[str] = []
    for front in sorted({pattern.parts[0][:_NAME_IN_KEY] for pattern in names}):
        if not front:
            return []
        if not fronts or not front.startswith(fronts[-1]):
            fronts.append(front)
    return fronts


def _stretch(wanted: JobFilter, after: JobPlace | None) -> tuple[str, str]:
    """The first place that is wanted, and the one up to which they are."""
    first = _first_of(wanted.since_ms or 0)
    last = _first_of(10**_TIME_DIGITS - 1 if wanted.until_ms is None else wanted.until_ms)
    return first, last if after is None else min(last, _text_of(after))


def job_key(job_id: str) -> Key:
    return f"{_JOB_PREFIX}{job_id}", "JOB"


def entry_key(record: JobRecord) -> Key:
    return ENTRIES, f"{record.name[:_NAME_IN_KEY]}#{_text_of(record.place)}"


def entry_attributes(record: JobRecord, keep_until_ms: int) -> Item:
    """A job's entry in the lists of its name and its queue: what of it never changes. It outlives the record, which is
    found by it; one that leads nowhere any more is passed over."""
    return {
        "job_state": _of_queue(record.queue),
        "job_place": _text_of(record.place),
        "name": record.name,
        "managed_by": record.managed_by and record.managed_by.value,
        "expires_at": (keep_until_ms + _ENTRY_LASTS_MS) // 1000,
    }


def job_attributes(record: JobRecord, keep_until_ms: int) -> Item:
    """The item of a record, but its key."""
    return {
        **{name: getattr(record, name) for name in _PLAIN},
        "status": record.status.value,
        "failure": record.failure and record.failure.value,
        "managed_by": record.managed_by and record.managed_by.value,
        # As text, for the numbers in the table are whole.
        "vcpus": None if record.vcpus is None else repr(record.vcpus),
        "children": dict(record.children) or None,
        "tries": [try_attributes(one) for one in record.tries] or None,
        "job_order": _order(record),
        "job_state": next(name for name, states in _PARTITIONS.items() if record.state in states),
        "job_place": _text_of(record.place),
        "quiet_since_ms": record.seen_at_ms,
        "expires_at": keep_until_ms // 1000,
    }


def job_of(item: Mapping[str, Any]) -> JobRecord:
    failure, managed_by, vcpus = item.get("failure"), item.get("managed_by"), item.get("vcpus")
    values: dict[str, Any] = {name: item[name] for name in _PLAIN if name in item}
    return JobRecord(
        job_id=item["pk"].removeprefix(_JOB_PREFIX),
        status=JobStatus(item["status"]),
        failure=None if failure is None else FailureClass(failure),
        managed_by=None if managed_by is None else ManagedBy(managed_by),
        vcpus=None if vcpus is None else float(vcpus),
        children=item.get("children", {}),
        tries=tuple(JobTry(**one) for one in item.get("tries", ())),
        **values,
    )


def _of_queue(queue: str) -> str:
    return f"{_QUEUE_PREFIX}{queue}"


def _order(record: JobRecord) -> str:
    """The record's order as a text that sorts as it does."""
    tries, rank, snapshot_ms = record.order
    return f"{tries:02d}.{rank}.{snapshot_ms:016d}"


def _first_of(at_ms: int) -> str:
    """What the places of that millisecond begin with, and sort behind."""
    return f"{max(0, at_ms):0{_TIME_DIGITS}d}#"


def _text_of(place: JobPlace) -> str:
    return f"{_first_of(place.created_at_ms)}{place.job_id}"


def _place_of(text: str) -> JobPlace:
    created, _, job_id = text.partition("#")
    return JobPlace(int(created), job_id)
