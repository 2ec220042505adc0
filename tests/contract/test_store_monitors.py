"""The store port's part about monitors, on every implementation."""

from dataclasses import replace

import pytest

from chalicelib.core.batch.job_record import JobFilter, JobRecord, NamePattern
from chalicelib.core.lease import Lease, NoticeClaim
from chalicelib.core.limits import MONITORS_MAXIMUM
from chalicelib.core.monitor.counts import BUCKET_MS, Bucket, Counted
from chalicelib.core.monitor.pushed import pushed_after
from chalicelib.core.monitor.records import MonitorLook, Telling
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.states import JobStatus
from chalicelib.ports.store import TOLD_KEPT_DAYS, Store

NOW_MS = 1_767_225_600_000
DEFINITION = {
    "monitors": {"a": {"failed": True, "failure_rate": {"above": 0.2}}, "b": {"nothing_ran": {"by": "06:00"}}}
}


def test_monitors_take_the_place_of_the_revision_that_was_read_alone(store: Store) -> None:
    # Tests share the servers' tables, and a stage has its monitors once.
    before = store.monitors()
    pushed = pushed_after(before, DEFINITION, NOW_MS)
    assert store.put_monitors(pushed)
    assert not store.put_monitors(replace(pushed, definition={"monitors": {}}))
    assert store.monitors() == pushed
    deleted = pushed_after(pushed, None, NOW_MS + 1)
    assert not store.put_monitors(replace(deleted, revision=deleted.revision + 1))
    assert store.put_monitors(deleted)
    assert store.monitors() == deleted
    assert store.monitors().monitors == ()
    assert deleted.revision == before.revision + 2


def test_a_look_takes_the_place_of_the_revision_that_was_read_alone(store: Store, fresh: str) -> None:
    nothing = store.look(fresh)
    assert nothing == MonitorLook(fresh)
    first = replace(nothing, revision=1, deadline_ms=NOW_MS)
    assert store.put_look(first)
    assert not store.put_look(replace(first, deadline_ms=0))
    second = replace(first, revision=2, above_from_ms=NOW_MS, above_is_told=True, since_ms=NOW_MS + 5)
    second = replace(second, lease=Lease("somebody", NOW_MS + 90_000), awaited_since_ms=NOW_MS + 6)
    assert store.put_look(second)
    assert store.look(fresh) == second
    assert not store.put_look(replace(first, revision=2))
    assert store.look(f"{fresh}-2").revision == 0


def test_a_telling_takes_the_place_of_the_one_before_once_that_is_closed(store: Store, fresh: str) -> None:
    running = NoticeKind.JOB_RUNNING
    assert store.telling(fresh, running) is None
    first = Telling(fresh, running, 1, ("b", "a"), NOW_MS)
    assert not store.put_telling(replace(first, number=2))
    assert store.put_telling(first)
    assert not store.put_telling(replace(first, job_ids=("c",)))
    second = replace(first, number=2, job_ids=("c",), at_ms=NOW_MS + 1)
    assert not store.put_telling(second), "the one before is open"
    assert store.telling(fresh, running) == first
    for _ in range(2):
        store.close_telling(first)
        assert store.telling(fresh, running) == replace(first, is_open=False, job_ids=())
    assert not store.put_telling(replace(second, number=3))
    assert store.put_telling(second)
    store.close_telling(first)
    assert store.telling(fresh, running) == second
    assert store.telling(fresh, NoticeKind.JOB_WAITING) is None


def test_of_each_job_of_a_telling_it_is_known_that_it_was_told(store: Store, fresh: str) -> None:
    jobs = tuple(f"{fresh}-{number}" for number in range(130))
    telling = Telling(fresh, NoticeKind.JOB_WAITING, 1, jobs, NOW_MS)
    for _ in range(2):
        store.mark_jobs_told(telling)
    others = [f"{fresh}-other-{number}" for number in range(130)]
    assert store.jobs_told(fresh, NoticeKind.JOB_WAITING, [*others, *jobs]) == set(jobs)
    assert store.jobs_told(fresh, NoticeKind.JOB_RUNNING, jobs) == set()
    assert store.jobs_told(f"{fresh}-2", NoticeKind.JOB_WAITING, jobs) == set()
    assert store.jobs_told(fresh, NoticeKind.JOB_WAITING, []) == set()


def test_a_telling_of_five_thousand_jobs_fits(store: Store, fresh: str) -> None:
    jobs = tuple(f"aaaaaaaa-0000-4000-8000-{number:012d}:0" for number in range(5_000))
    telling = Telling(fresh, NoticeKind.JOB_WAITING, 1, jobs, NOW_MS)
    assert store.put_telling(telling)
    assert store.telling(fresh, NoticeKind.JOB_WAITING) == telling


def job(job_id: str, status: str = "SUCCEEDED") -> JobRecord:
    return JobRecord(job_id, "n", "q", "d:1", JobStatus(status), created_at_ms=NOW_MS, seen_at_ms=NOW_MS)


def put(store: Store, job_id: str, counted: Counted, status: str = "SUCCEEDED") -> bool:
    """Whether the record of an ended job was put, and its ending counted."""
    return store.observe_job(job(job_id, status), NOW_MS, counted) is None


def test_endings_are_counted_by_five_minutes(store: Store, fresh: str) -> None:
    for number, (bucket, succeeded) in enumerate(((0, True), (0, True), (0, False), (1, False), (3, True))):
        counted = Counted(NOW_MS + bucket * BUCKET_MS + number, succeeded, (fresh, f"{fresh}-too"))
        assert put(store, f"{fresh}-{number}", counted)
    counts = [
        Bucket(NOW_MS, succeeded=2, failed=1),
        Bucket(NOW_MS + BUCKET_MS, failed=1),
        Bucket(NOW_MS + 3 * BUCKET_MS, succeeded=1),
    ]
    assert store.buckets(fresh, NOW_MS, NOW_MS + 4 * BUCKET_MS) == counts
    assert store.buckets(fresh, NOW_MS + 1, NOW_MS + 3 * BUCKET_MS) == counts[1:2]
    assert store.buckets(f"{fresh}-too", 0, NOW_MS * 2) == counts
    assert store.buckets(f"{fresh}-2", 0, NOW_MS * 2) == []


@pytest.mark.parametrize("is_known", [False, True])
def test_an_ending_is_counted_with_its_record_or_not_at_all(store: Store, fresh: str, is_known: bool) -> None:
    counted = Counted(NOW_MS, False, (fresh,), (fresh, 7))
    if is_known:
        assert store.observe_job(job(fresh, "RUNNING"), NOW_MS) is None
    assert put(store, fresh, counted, "FAILED")
    for again in (counted, Counted(NOW_MS + BUCKET_MS, True, (fresh,), (fresh, 9))):
        assert store.observe_job(job(fresh, "FAILED"), NOW_MS, again) == job(fresh, "FAILED")
    assert store.observe_job(job(fresh, "RUNNING"), NOW_MS, counted) == job(fresh, "FAILED")
    assert store.buckets(fresh, 0, NOW_MS * 2) == [Bucket(NOW_MS, failed=1)]
    assert store.run_times(fresh, "2026-01") == {7: 1}
    assert store.list_jobs(3, JobFilter(queues=("q",), names=(NamePattern("n"),))).jobs[0].queue == "q"


def test_an_ending_may_be_counted_for_all_monitors_that_there_can_be(store: Store, fresh: str) -> None:
    under = tuple(f"{fresh}-{number}" for number in range(MONITORS_MAXIMUM))
    assert put(store, fresh, Counted(NOW_MS, True, under, (fresh, 3)))
    assert [store.buckets(one, 0, NOW_MS * 2) for one in under] == [[Bucket(NOW_MS, succeeded=1)]] * len(under)


def test_run_times_are_counted_by_month(store: Store, fresh: str) -> None:
    for number, step in enumerate((0, 17, 17, 160)):
        assert put(store, f"{fresh}-{number}", Counted(NOW_MS, True, run_time=(fresh, step)))
    assert put(store, f"{fresh}-early", Counted(NOW_MS - 1, True, run_time=(fresh, 3)))
    assert store.run_times(fresh, "2026-01") == {0: 1, 17: 2, 160: 1}
    assert store.run_times(fresh, "2025-12") == {3: 1}
    assert store.run_times(fresh, "2025-11") == {}
    assert store.run_times(f"{fresh}-2", "2026-01") == {}


def test_of_several_who_tell_one_thing_one_has_the_lease_until_it_is_over(store: Store, fresh: str) -> None:
    a, b = Lease("a", NOW_MS + 1_000), Lease("b", NOW_MS + 2_000)
    telling = Telling(fresh, NoticeKind.JOB_WAITING, 1, ("job",), NOW_MS, lease=a)
    assert not store.lease_telling(telling, a, NOW_MS)
    assert store.put_telling(telling)
    assert not store.lease_telling(telling, b, NOW_MS + 999)
    assert not store.lease_telling(replace(telling, number=2), b, NOW_MS + 1_000)
    assert store.telling(fresh, NoticeKind.JOB_WAITING) == telling
    assert store.lease_telling(telling, b, NOW_MS + 1_000)
    assert store.telling(fresh, NoticeKind.JOB_WAITING) == replace(telling, lease=b)
    store.close_telling(telling)
    assert store.telling(fresh, NoticeKind.JOB_WAITING) == replace(telling, is_open=False, job_ids=(), lease=None)
    assert not store.lease_telling(telling, b, NOW_MS), "it is closed"
    unleased = replace(telling, number=2, lease=None)
    assert store.put_telling(unleased)
    assert store.lease_telling(unleased, a, NOW_MS)
    look = MonitorLook(fresh, 1, lease=a)
    assert store.put_look(look)
    assert store.look(fresh) == look


def test_a_notice_is_claimed_by_one_until_its_lease_is_over_or_it_was_told(store: Store, fresh: str) -> None:
    a, b = Lease("a", NOW_MS + 1_000), Lease("b", NOW_MS + 2_000)
    assert store.claim_notice(fresh, a, NOW_MS) is NoticeClaim.TAKEN
    assert not store.was_told(fresh, NOW_MS)
    assert store.claim_notice(fresh, b, NOW_MS + 999) is NoticeClaim.HELD
    assert store.claim_notice(fresh, a, NOW_MS + 999) is NoticeClaim.TAKEN, "its owner may take it anew"
    assert store.claim_notice(fresh, b, NOW_MS + 1_000) is NoticeClaim.TAKEN
    store.release_notice(fresh, a.owner)
    assert store.claim_notice(fresh, a, NOW_MS + 1_000) is NoticeClaim.HELD, "it was not that one's to release"
    store.release_notice(fresh, b.owner)
    assert store.claim_notice(fresh, a, NOW_MS) is NoticeClaim.TAKEN
    store.note_notice_told(fresh, NOW_MS)
    assert store.was_told(fresh, NOW_MS)
    store.release_notice(fresh, a.owner)
    week_ms = TOLD_KEPT_DAYS * 86_400_000
    claims = [store.claim_notice(fresh, b, NOW_MS + ms) for ms in (0, week_ms - 1_000, week_ms)]
    assert claims == [NoticeClaim.TOLD, NoticeClaim.TOLD, NoticeClaim.TAKEN]


def test_that_a_notice_was_told_is_known_for_a_week(store: Store, fresh: str) -> None:
    assert not store.was_told(fresh, NOW_MS)
    for _ in range(2):
        store.note_notice_told(fresh, NOW_MS)
    week_ms = TOLD_KEPT_DAYS * 86_400_000
    assert [store.was_told(fresh, NOW_MS + ms) for ms in (0, week_ms - 1_000, week_ms)] == [True, True, False]
    assert not store.was_told(f"{fresh}-other", NOW_MS)
