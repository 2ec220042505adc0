"""`python -m batchwright.local.ministack_child`: MiniStack, which ends when its parent does, however that died."""

from __future__ import annotations

import os
import signal

from ministack.app import main

from batchwright.local.child import when_parent_is_gone

if __name__ == "__main__":
    when_parent_is_gone(lambda: os.kill(os.getpid(), signal.SIGTERM))
    main()
