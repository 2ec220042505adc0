"""What a campaign of seeds counts, shrinks and keeps."""

import pytest

from tests.simulation.__main__ import main
from tests.simulation.faults import FAULTS, Menu
from tests.simulation.kept import Kept, keep, kept_seeds
from tests.simulation.mutations import MUTATIONS
from tests.simulation.play import Played, play
from tests.simulation.scope import WHOLE, Scope
from tests.simulation.shrink import smallest

pytestmark = pytest.mark.long


def test_every_kind_of_fault_happens_within_a_few_thousand_seeds():
    """Only seeds on whose menu something not seen yet stands are played here; `test_schedules.py` plays them all."""
    missing = {fault.name: fault.name for fault in FAULTS} | {"(Lambda time-outs)": "slow_call"}
    for seed in range(2500):
        menu = Menu(seed)
        if any(menu[name].rate for name in missing.values()):
            fired = play(seed).fired
            missing = {seen: name for seen, name in missing.items() if not fired.get(seen)}
        if not missing:
            break
    assert not missing


def test_a_failing_seed_is_shrunk_to_what_makes_it_fail():
    asked: list[Scope] = []

    def fails_with_duplicates(seed: int, scope: Scope) -> Played:
        asked.append(scope)
        failure = None if {"event_twice", "redelivery"} & scope.without or "0:t0" in scope.without_tasks else "bad"
        return Played(seed, scope, failure, steps=1)

    fired = {"event_twice", "redelivery"}
    may_fire = (seed for seed in range(9000) if all(Menu(seed)[name].rate for name in fired))
    seed = next(s for s in may_fire if fired <= set(found := play(s).fired) and found["(runs)"] > 1)
    small = smallest(seed, WHOLE, play=fails_with_duplicates)
    assert small in asked
    assert fails_with_duplicates(seed, small).failure
    assert small.runs == 1
    assert "cancel" in small.without
    assert not small.without & {"event_twice", "redelivery"}


def test_a_bug_is_shrunk_to_a_story_that_is_told_and_kept(tmp_path, capsys, monkeypatch):
    kept_file = tmp_path / "kept_seeds.txt"
    kept_file.touch()
    monkeypatch.setattr("tests.simulation.kept.keep.__defaults__", (kept_file,))
    with MUTATIONS["a task is submitted without a claim"].applied():
        code = main(["--seeds", "20", "--processes", "1", "--stop-after", "1"])
    told = capsys.readouterr().out
    assert code == 1
    assert "VIOLATION" in told
    assert "was submitted twice" in told
    kept = next(kept_seeds(kept_file))
    assert f"--seed {kept.seed}" in told
    with MUTATIONS["a task is submitted without a claim"].applied():
        assert play(kept.seed, kept.scope).failure
    assert play(kept.seed, kept.scope).failure is None


def test_a_seed_is_kept_once(tmp_path):
    path = tmp_path / "kept_seeds.txt"
    path.write_text("# comment\n")
    kept = Kept(7, Scope(runs=1), "a run hung")
    assert keep(kept, path)
    assert not keep(kept, path)
    assert list(kept_seeds(path)) == [kept]
