"""`python -m batchwright.local.ministack_child`: MiniStack, which ends when its parent does, however that died.

It keeps schedules of EventBridge Scheduler and does not fire them: that the worker does (`schedules.py`), in their time
zones and with the time in the message.
"""

from __future__ import annotations

import os
import signal

from ministack.app import main
from ministack.services import scheduler

from batchwright.local.child import when_parent_is_gone


def serve() -> None:
    """Serve until the parent is gone."""
    # It leads a process group of its own, in which are the processes of its Lambdas, if there are any.
    when_parent_is_gone(lambda: os.killpg(os.getpid(), signal.SIGKILL))
    scheduler.start_scheduler = lambda: None
    main()


if __name__ == "__main__":
    serve()
