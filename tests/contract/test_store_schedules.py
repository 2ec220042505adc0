"""The store port's part about schedules, on every implementation."""

from dataclasses import replace

from chalicelib.core.schedule.decisions import NEVER_MS, ScheduleRecord
from chalicelib.core.schedule.model import CatchUp, Overlap, Schedule
from chalicelib.ports.store import Store

SCHEDULE = Schedule(
    cron="0 9 ? * MON-FRI *",
    time_zone="Europe/Berlin",
    starts="2026-01-01",
    params={"day": "${schedule.date}", "share": 1.0, "list": []},
    overlap=Overlap.QUEUE,
    catch_up=CatchUp.ALL,
)


def record_of(workflow: str, name: str = "nightly", **more: object) -> ScheduleRecord:
    record = ScheduleRecord(workflow, name, 1, 12, SCHEDULE, since_ms=1_000, decided_ms=2_000)
    return replace(record, **more)


def test_a_schedule_is_read_as_it_was_put(store: Store, fresh: str) -> None:
    full = record_of(
        fresh,
        paused_at_ms=3_000,
        pending=(4_000, 5_000),
        backfill=(1_500,),
        active_ms=3_500,
        active_is_backfill=True,
        active_has_run=True,
        last_ms=3_500,
        failed_ms=3_400,
        failure="param 'day' must be a string",
        placed="0123456789abcdef",
        sweep_at_ms=9_000,
    )
    for record in (record_of(fresh, "plain"), full, record_of(fresh, "removed", schedule=None, placed="")):
        assert store.put_schedule(record)
        assert store.schedule(fresh, record.name) == record
    assert store.schedule(fresh, "other") is None
    assert [record.name for record in store.schedules(fresh)] == ["nightly", "plain", "removed"]
    assert store.schedules(f"{fresh}-2") == []


def test_a_record_takes_the_place_of_the_revision_that_was_read_alone(store: Store, fresh: str) -> None:
    first = record_of(fresh)
    assert store.put_schedule(first)
    assert not store.put_schedule(replace(first, decided_ms=7_000))
    second = replace(first, revision=2, decided_ms=3_000)
    assert store.put_schedule(second)
    assert not store.put_schedule(replace(first, revision=2, decided_ms=4_000))
    assert not store.put_schedule(replace(first, revision=4))
    assert store.schedule(fresh, "nightly") == second
    assert not store.put_schedule(record_of(fresh, "none", revision=2))
    assert store.schedule(fresh, "none") is None


def test_schedules_are_listed_when_their_look_is_due_longest_overdue_first(store: Store, fresh: str) -> None:
    for name, at_ms in (("b", 20_000), ("a", 10_000), ("c", 30_000), ("idle", NEVER_MS)):
        assert store.put_schedule(record_of(fresh, name, sweep_at_ms=at_ms))
    gone = record_of(fresh, "gone", schedule=None, placed="", sweep_at_ms=NEVER_MS)
    assert gone.is_gone
    assert store.put_schedule(gone)

    def due(until_ms: int) -> list[str]:
        return [name for workflow, name in store.due_schedules(until_ms, 1_000) if workflow == fresh]

    assert due(9_999) == []
    assert due(20_000) == ["a", "b"]
    assert due(NEVER_MS) == ["a", "b", "c", "idle"]
    assert len(store.due_schedules(NEVER_MS, 1)) == 1


def test_schedules_and_runs_are_due_apart(store: Store, fresh: str) -> None:
    assert store.put_schedule(record_of(fresh, sweep_at_ms=0))
    assert fresh not in " ".join(store.due_runs(NEVER_MS, 1_000))
