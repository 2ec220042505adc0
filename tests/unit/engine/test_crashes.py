"""The invocation may die at any of its calls; the redelivery of its message must bring the run to the same end."""

from itertools import count

import pytest

from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.world import Settings
from tests.memory.theatre import Cut, Theatre, plan_of, task

DIAMOND = plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["a"]), (task("d"), ["b", "c"]))
FAILING = plan_of(
    (task("a", attempts=2), ()),
    (task("b"), ["a"]),
    (task("c"), ["b"]),
    (task("e", TriggerRule.ONE_FAILED), ["a", "b"]),
    (task("d", TriggerRule.ALL_DONE), ["c", "e"]),
)
SCENES = {
    "a diamond succeeds": (DIAMOND, [], RunState.SUCCEEDED, {(n, 1) for n in "abcd"}),
    "a retry succeeds": (FAILING, [("a", 1)], RunState.SUCCEEDED, {("a", 1), ("a", 2), ("b", 1), ("c", 1), ("d", 1)}),
    "a failure cascades": (FAILING, [("a", 1), ("a", 2)], RunState.FAILED, {("a", 1), ("a", 2), ("e", 1), ("d", 1)}),
}


@pytest.mark.parametrize("inline", [0, 5])
@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("scene", SCENES)
def test_a_crash_at_any_call_of_any_invocation_changes_nothing_in_the_end(scene, after_effect, inline):
    """Every call of every invocation of the whole run is cut once, each in a run of its own."""
    plan, fails, ending, submitted = SCENES[scene]
    cuts = 0
    for invocation in count(1):
        for call in count():
            theatre = Theatre(plan, fails, Settings(inline_submissions=inline))
            if not play_with_one_crash(theatre, invocation, Cut(call, after_effect)):
                break
            cuts += 1
            assert theatre.run.state is ending
            assert {(theatre._task_of(job), theatre.attempt_of(job).number) for job in theatre.jobs()} == submitted
            assert len(theatre.jobs()) == len(submitted), "no attempt has two jobs"
            # A failure may have been told before, if what follows it waited for a dead owner's lease.
            told = {notice.kind: notice.notice_id for notice in theatre.notices.published}
            assert len(set(theatre.notices.ids)) == len(told)
            assert told.keys() - {NoticeKind.TASK_FAILED} == {NoticeKind(f"run_{ending}")}
        if call == 0:
            break
    assert cuts > 30, "the scene was cut in many places"


def play_with_one_crash(theatre: Theatre, invocation: int, cut: Cut) -> bool:
    """Play the run to its end, the invocation of that number dying at `cut`; whether it got that far."""
    crashed = False
    number = 0

    def act(deliver) -> int:
        nonlocal crashed, number
        number += 1
        if number == invocation:
            crashed = theatre.crash(cut, deliver)
            return 1
        try:
            return deliver() or 0
        except MessagesLeft:
            return 1

    act(theatre.start)
    if number == invocation:
        theatre.start()  # the caller, who got no answer, asks again with the same key
    for _ in range(500):
        theatre.tell()
        busy = 0
        for queue, deliver in ((theatre.events, theatre.deliver_events), (theatre.commands, theatre.deliver_commands)):
            due = queue.next_visible_at_ms
            if due is not None and due <= theatre.clock.now_ms():
                busy += act(deliver)
        if not busy:
            later = [q.next_visible_at_ms for q in (theatre.events, theatre.commands)]
            if not any(later):
                return crashed
            theatre.clock.advance_to(max(min(at for at in later if at), theatre.clock.now_ms()))
    raise AssertionError("the run did not come to rest")
