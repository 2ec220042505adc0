"""What the whole suite shares: one MiniStack a process, and how the tests are spread over processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from batchwright.local.ministack import MiniStack

# How long a busy machine takes to draw an example, or to judge it, says nothing of what is judged.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# `nohup`, and a shell without a terminal for what it leaves in the background, let signals be ignored, and every
# process from there on inherits that: commands that the tests interrupt would go on for ever. No handler is inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

_FIRST = ("tests/functional/test_movie_ratings", "tests/functional", "tests/contract", "tests/unit")
"""What waits for long comes first; the simulation, which only computes and comes in small pieces, fills the end."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of a file stay in one process, for they share what was costly to make; simulated schedules share
    nothing."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith("tests/simulation/") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.nodeid, _FIRST))


def _rank(nodeid: str, prefixes: Sequence[str]) -> int:
    return next((rank for rank, prefix in enumerate(prefixes) if nodeid.startswith(prefix)), len(prefixes))


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """A running MiniStack; tests keep apart by the names of what they create in it."""
    with MiniStack(tmp_path_factory.mktemp("ministack") / "ministack.log") as stack:
        yield stack
