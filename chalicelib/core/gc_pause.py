"""Python's garbage collector, kept from looking while large data is read and checked.

A large definition makes millions of values and no garbage: looking for some among them would take half of the time.
What is freed by counting references is freed all the same.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Within it, and within a function that it decorates, nothing is looked for. Afterwards it is as it was."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
