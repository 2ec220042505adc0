"""That a planted bug reaches every user of a function, and that one which does not run is not taken for caught."""

from __future__ import annotations

import pytest

from chalicelib.core import lease
from chalicelib.core.lease import Lease
from chalicelib.engine.publishing import bus, outbox
from tests.bug import BrokenBug, Bug, LatePort, returns, together
from tests.memory.store import MemoryStore

HELD = Lease("other", 2_000)


def test_a_bug_reaches_the_modules_that_imported_the_function_by_name(monkeypatch):
    Bug(lease.is_free, returns(True)).put_in(monkeypatch)
    assert lease.is_free(HELD, "me", 0)
    assert outbox.is_free(HELD, "me", 0)


def test_a_bug_leaves_other_users_alone_where_one_is_named(monkeypatch):
    Bug(lease.is_free, returns(True), used_by=outbox).put_in(monkeypatch)
    assert not lease.is_free(HELD, "me", 0)
    assert outbox.is_free(HELD, "me", 0)


def test_a_bug_goes_with_its_context():
    with pytest.MonkeyPatch.context() as monkeypatch:
        Bug(lease.is_free, returns(True)).put_in(monkeypatch)
    assert not lease.is_free(HELD, "me", 0)
    assert not outbox.is_free(HELD, "me", 0)


def test_a_bug_may_call_the_right_function_with_other_arguments(monkeypatch):
    Bug(lease.is_free, lambda right, lease, owner, now_ms: right(lease, owner, now_ms + 1_000)).put_in(monkeypatch)
    assert not outbox.is_free(HELD, "me", 999)
    assert outbox.is_free(HELD, "me", 1_000)


def test_a_bug_in_an_inherited_method_reaches_the_class_that_has_it(monkeypatch):
    Bug(MemoryStore.jobs_told, returns({"a"})).put_in(monkeypatch)
    assert MemoryStore().jobs_told("m0", None, []) == {"a"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda right, lease, owner: True,
        lambda right, lease, owner, at_ms: True,
        lambda right, owner, lease, *rest: True,
        lambda right, at_ms, **rest: True,
    ],
)
def test_a_bug_of_other_parameters_is_refused(wrong, monkeypatch):
    with pytest.raises(AssertionError, match="takes other parameters"):
        Bug(lease.is_free, wrong).put_in(monkeypatch)


def test_a_bug_that_does_not_run_is_no_failure_of_the_engine(monkeypatch):
    Bug(lease.is_free, lambda right, lease, *rest: lease.no_such_thing).put_in(monkeypatch)
    with pytest.raises(BrokenBug):
        outbox.is_free(HELD, "me", 0)
    assert not issubclass(BrokenBug, Exception)


def test_one_function_cannot_be_planted_twice(monkeypatch):
    with pytest.raises(AssertionError, match="nothing uses is_free"):
        together(Bug(lease.is_free, returns(True)), Bug(lease.is_free, returns(True))).put_in(monkeypatch)


def test_a_bug_for_a_module_that_does_not_use_the_function_is_refused(monkeypatch):
    with pytest.raises(AssertionError, match="does not use is_free"):
        Bug(lease.is_free, returns(True), used_by=bus).put_in(monkeypatch)


def test_calls_of_a_late_port_wait_and_the_others_do_not():
    lines = []
    late = LatePort(lines, "append", answer=True)
    assert late.append("first") is True
    late.insert(0, "second")
    assert lines == ["second"]
    late.make_up()
    assert lines == ["second", "first"]
