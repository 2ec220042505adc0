"""What app.py declares to Lambda of its triggers."""

from __future__ import annotations

import subprocess
import sys

from app import app
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.core.concurrency import CEILINGS, COMMANDS_CONCURRENCY, EVENTS_CONCURRENCY

PROGRAM = "from app import app; print(*(one.maximum_concurrency for one in app.event_sources if hasattr(one, 'queue')))"


def test_no_queue_may_use_up_the_account() -> None:
    ceilings = {source.name: source.maximum_concurrency for source in app.event_sources if hasattr(source, "queue")}
    assert ceilings == {"on_events": CEILINGS.events, "on_commands": CEILINGS.commands}


def test_a_small_quota_s_ceilings_come_from_the_environment() -> None:
    environment = {"PATH": "/usr/bin:/bin", EVENTS_CONCURRENCY: "4", COMMANDS_CONCURRENCY: "2"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("4 2\n", "")
