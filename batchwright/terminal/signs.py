"""The signs that a run is drawn with: of states, of branches, of bars. One set for most terminals, one of ASCII.

A sign never says anything by itself: a word stands beside it, or a legend below. Every sign is one cell wide, and none
has a second, coloured look that would make it two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.run.timeline import Stretch
from chalicelib.core.states import TaskState

STRETCH_WORDS = {
    Stretch.RESTED: "between attempts",
    Stretch.WAITED: "waited to start",
    Stretch.RAN: "ran",
    Stretch.UNDER_WAY: "runs",
    Stretch.CANCELLED: "was cancelled",
    Stretch.FAILED: "attempt failed",
}
"""What a legend says of each."""


@dataclass(frozen=True, slots=True)
class Signs:
    """All signs of one kind of terminal."""

    states: Mapping[TaskState, str]
    stretches: Mapping[Stretch, str]
    branch: str
    last_branch: str
    beside: str
    """Of the same width as a branch: what goes on beside the rows between two branches."""
    then: str
    """Before a task that stands below the only one it follows, not beneath it."""
    rule: str
    tick: str
    now: str
    chain: str
    """Before a task of the longest chain."""
    follows: str
    ellipsis: str


UNICODE = Signs(
    states={
        TaskState.WAITING: "\N{WHITE CIRCLE}",
        TaskState.CLAIMED: "\N{DOTTED CIRCLE}",
        TaskState.SUBMITTED: "\N{DOTTED CIRCLE}",
        TaskState.PENDING: "\N{DOTTED CIRCLE}",
        TaskState.RUNNABLE: "\N{DOTTED CIRCLE}",
        TaskState.STARTING: "\N{CIRCLE WITH LEFT HALF BLACK}",
        TaskState.RUNNING: "\N{BLACK CIRCLE}",
        TaskState.SUCCEEDED: "\N{CHECK MARK}",
        TaskState.FAILED: "\N{BALLOT X}",
        TaskState.SKIPPED: "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}",
        TaskState.UPSTREAM_FAILED: "\N{CIRCLED DIVISION SLASH}",
        TaskState.CANCELLED: "\N{WHITE SQUARE}",
    },
    stretches={
        Stretch.RESTED: "\N{MIDDLE DOT}",
        Stretch.WAITED: "\N{LIGHT SHADE}",
        Stretch.RAN: "\N{FULL BLOCK}",
        Stretch.UNDER_WAY: "\N{BOX DRAWINGS HEAVY HORIZONTAL}",
        Stretch.CANCELLED: "/",
        Stretch.FAILED: "\N{MULTIPLICATION SIGN}",
    },
    branch="\N{BOX DRAWINGS LIGHT VERTICAL AND RIGHT}\N{BOX DRAWINGS LIGHT HORIZONTAL} ",
    last_branch="\N{BOX DRAWINGS LIGHT UP AND RIGHT}\N{BOX DRAWINGS LIGHT HORIZONTAL} ",
    beside="\N{BOX DRAWINGS LIGHT VERTICAL}  ",
    then="\N{DOWNWARDS ARROW} ",
    rule="\N{BOX DRAWINGS LIGHT HORIZONTAL}",
    tick="\N{BOX DRAWINGS LIGHT DOWN AND HORIZONTAL}",
    now="\N{BLACK DOWN-POINTING TRIANGLE}",
    chain="\N{BLACK DIAMOND}",
    follows=" \N{RIGHTWARDS ARROW} ",
    ellipsis="\N{HORIZONTAL ELLIPSIS}",
)
ASCII = Signs(
    states={
        TaskState.WAITING: "o",
        TaskState.CLAIMED: ":",
        TaskState.SUBMITTED: ":",
        TaskState.PENDING: ":",
        TaskState.RUNNABLE: ":",
        TaskState.STARTING: "~",
        TaskState.RUNNING: "*",
        TaskState.SUCCEEDED: "+",
        TaskState.FAILED: "X",
        TaskState.SKIPPED: "-",
        TaskState.UPSTREAM_FAILED: "!",
        TaskState.CANCELLED: "/",
    },
    stretches={
        Stretch.RESTED: "-",
        Stretch.WAITED: ".",
        Stretch.RAN: "#",
        Stretch.UNDER_WAY: "=",
        Stretch.CANCELLED: "/",
        Stretch.FAILED: "x",
    },
    branch="|- ",
    last_branch="`- ",
    beside="|  ",
    then="v ",
    rule="-",
    tick="+",
    now="V",
    chain=">",
    follows=" > ",
    ellipsis="...",
)


def signs_for(ascii_only: bool) -> Signs:
    return ASCII if ascii_only else UNICODE
