"""The store port's part about monitors, on every implementation."""

from dataclasses import replace

from chalicelib.core.monitoring import BUCKET_MS, Bucket
from chalicelib.core.monitorrecord import MonitorLook, Telling, pushed_after
from chalicelib.core.notices import NoticeKind
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
    assert store.put_look(second)
    assert store.look(fresh) == second
    assert not store.put_look(replace(first, revision=2))
    assert store.look(f"{fresh}-2").revision == 0


def test_a_telling_is_put_once_and_closed(store: Store, fresh: str) -> None:
    telling = Telling(fresh, NoticeKind.JOB_RUNNING, 1, ("b", "a"), NOW_MS)
    assert store.put_telling(telling)
    assert not store.put_telling(replace(telling, job_ids=("c",)))
    assert store.tellings(fresh, NoticeKind.JOB_RUNNING) == [telling]
    for number in (11, 2):
        assert store.put_telling(replace(telling, number=number))
    store.close_telling(telling)
    store.close_telling(telling)
    store.close_telling(replace(telling, number=99))
    found = store.tellings(fresh, NoticeKind.JOB_RUNNING)
    assert [(one.number, one.is_open) for one in found] == [(1, False), (2, True), (11, True)]
    assert store.tellings(fresh, NoticeKind.JOB_WAITING) == []
    assert not store.put_telling(telling)


def test_a_telling_of_five_thousand_jobs_fits(store: Store, fresh: str) -> None:
    jobs = tuple(f"aaaaaaaa-0000-4000-8000-{number:012d}:0" for number in range(5_000))
    assert store.put_telling(Telling(fresh, NoticeKind.JOB_WAITING, 1, jobs, NOW_MS))
    (found,) = store.tellings(fresh, NoticeKind.JOB_WAITING)
    assert found.job_ids == jobs


def test_endings_are_counted_by_five_minutes(store: Store, fresh: str) -> None:
    for bucket, succeeded in ((0, True), (0, True), (0, False), (1, False), (3, True)):
        store.count_ending(fresh, NOW_MS + bucket * BUCKET_MS, succeeded=succeeded)
    counts = [
        Bucket(NOW_MS, succeeded=2, failed=1),
        Bucket(NOW_MS + BUCKET_MS, failed=1),
        Bucket(NOW_MS + 3 * BUCKET_MS, succeeded=1),
    ]
    assert store.buckets(fresh, NOW_MS, NOW_MS + 4 * BUCKET_MS) == counts
    assert store.buckets(fresh, NOW_MS + 1, NOW_MS + 3 * BUCKET_MS) == counts[1:2]
    assert store.buckets(f"{fresh}-2", 0, NOW_MS * 2) == []


def test_run_times_are_counted_by_month(store: Store, fresh: str) -> None:
    for step in (0, 17, 17, 160):
        store.count_run_time(fresh, NOW_MS, step)
    store.count_run_time(fresh, NOW_MS - 1, 3)
    assert store.run_times(fresh, "2026-01") == {0: 1, 17: 2, 160: 1}
    assert store.run_times(fresh, "2025-12") == {3: 1}
    assert store.run_times(fresh, "2025-11") == {}
    assert store.run_times(f"{fresh}-2", "2026-01") == {}


def test_that_a_notice_was_told_is_known_for_a_week(store: Store, fresh: str) -> None:
    assert not store.was_told(fresh, NOW_MS)
    for _ in range(2):
        store.note_notice_told(fresh, NOW_MS)
    week_ms = TOLD_KEPT_DAYS * 86_400_000
    assert [store.was_told(fresh, NOW_MS + ms) for ms in (0, week_ms - 1_000, week_ms)] == [True, True, False]
    assert not store.was_told(f"{fresh}-other", NOW_MS)
