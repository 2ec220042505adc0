"""The faults of delivery: seeded, and each as often as asked for."""

from __future__ import annotations

from typing import Any

from batchwright.local.batch.delivery import FaultPlan, Faults


def events(count: int) -> list[dict[str, Any]]:
    return [{"detail": {"jobName": f"job-{number}", "status": "RUNNING", "attempts": []}} for number in range(count)]


def deliveries(faults: Faults, count: int = 1000) -> list[list[float]]:
    plan = FaultPlan(faults)
    return [plan.due_times(event, float(number)) for number, event in enumerate(events(count))]


def test_without_faults_every_event_comes_once_and_at_once() -> None:
    assert deliveries(Faults(), 5) == [[0.0], [1.0], [2.0], [3.0], [4.0]]


def test_one_seed_means_one_fate() -> None:
    faults = Faults(duplicate=0.3, delay_seconds=2.0, reorder=True, drop=0.1, seed=7)
    assert deliveries(faults) == deliveries(faults)
    assert deliveries(faults) != deliveries(Faults(0.3, 2.0, True, 0.1, seed=8))


def test_an_events_fate_does_not_depend_on_the_order_in_which_events_happen() -> None:
    faults = Faults(duplicate=0.3, drop=0.3, seed=3)
    forwards, backwards = FaultPlan(faults), FaultPlan(faults)
    fates = [len(forwards.due_times(event, 0.0)) for event in events(200)]
    reverse = [len(backwards.due_times(event, 0.0)) for event in reversed(events(200))]
    assert fates == reverse[::-1]


def test_the_same_event_of_another_job_of_that_name_has_a_fate_of_its_own() -> None:
    plan = FaultPlan(Faults(drop=0.5, seed=1))
    assert {len(plan.due_times(event, 0.0)) for event in events(1) * 50} == {0, 1}


def test_probabilities_are_kept() -> None:
    lost = sum(not times for times in deliveries(Faults(drop=0.2)))
    repeated = sum(len(times) == 2 for times in deliveries(Faults(duplicate=0.4)))
    assert 150 < lost < 250
    assert 340 < repeated < 460


def test_a_delay_alone_keeps_the_order() -> None:
    plan = FaultPlan(Faults(delay_seconds=5.0))
    due = [plan.due_times(event, 0.0)[0] for event in events(100)]
    assert due == sorted(due)
    assert 0.0 < max(due) <= 5.0


def test_reordering_lets_later_events_overtake() -> None:
    plan = FaultPlan(Faults(delay_seconds=5.0, reorder=True))
    due = [plan.due_times(event, 0.0)[0] for event in events(100)]
    assert due != sorted(due)
