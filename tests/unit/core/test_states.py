"""The transition table, walked over its whole product, against what each state's sentence says."""

from itertools import product

import pytest

from chalicelib.core.errors import Defect, ImpossibleTransition
from chalicelib.core.states import (
    ENDINGS,
    OPEN_STATES,
    STATE_OF_STATUS,
    STATES_BEFORE,
    JobStatus,
    RunState,
    TaskState,
    next_state,
    states_before,
)

# A row: from this state (and no other row) a record may move to those. w waiting, c claimed, s submitted, p pending,
# r runnable, t starting, n running, S succeeded, F failed, C cancelled.
LETTERS = {
    "w": TaskState.WAITING,
    "c": TaskState.CLAIMED,
    "s": TaskState.SUBMITTED,
    "p": TaskState.PENDING,
    "r": TaskState.RUNNABLE,
    "t": TaskState.STARTING,
    "n": TaskState.RUNNING,
    "S": TaskState.SUCCEEDED,
    "F": TaskState.FAILED,
    "C": TaskState.CANCELLED,
    "k": TaskState.SKIPPED,
    "u": TaskState.UPSTREAM_FAILED,
}
MOVES = {
    "w": "cSFC",
    "c": "wcsprtnSFC",
    "s": "wprtnSFC",
    "p": "wrtnSFC",
    "r": "wtnSFC",
    "t": "wnSFC",
    "n": "wSFC",
    "S": "",
    "F": "",
    "C": "",
    "k": "",
    "u": "",
}
# When Batch itself starts the job over, its statuses begin anew.
MOVES_OF_A_JOB_STARTED_OVER = MOVES | {"c": "wcsprtnSFC"} | dict.fromkeys("sprtn", "wprtnSFC")

PAIRS = list(product(LETTERS, repeat=2))


def test_the_letters_are_all_states():
    assert set(LETTERS.values()) == set(TaskState) == set(STATES_BEFORE)


@pytest.mark.parametrize(("started_over", "moves"), [(False, MOVES), (True, MOVES_OF_A_JOB_STARTED_OVER)])
@pytest.mark.parametrize(("state", "to"), PAIRS)
def test_a_record_moves_as_the_table_says_or_the_move_is_refused_naming_both(state, to, started_over, moves):
    here, there = LETTERS[state], LETTERS[to]
    if to in moves[state]:
        assert next_state(here, there, job_started_over=started_over) is there
        assert here in states_before(there, job_started_over=started_over)
    else:
        with pytest.raises(ImpossibleTransition, match=f"'{here}' cannot become '{there}'"):
            next_state(here, there, job_started_over=started_over)
        assert here not in states_before(there, job_started_over=started_over)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ended_never_moves(ending):
    assert ending.ended
    assert not any(ending in states_before(to, job_started_over=over) for to in TaskState for over in (False, True))


def test_a_state_is_open_or_an_ending():
    assert set(OPEN_STATES) | set(ENDINGS) == set(TaskState)
    assert not set(OPEN_STATES) & set(ENDINGS)
    assert not any(state.ended for state in OPEN_STATES)


def test_an_impossible_transition_is_a_defect_of_ours_and_no_mistake_of_a_users():
    assert issubclass(ImpossibleTransition, Defect)


def test_the_statuses_of_a_job_have_the_states_of_the_same_name_and_their_order():
    assert {status: state.value for status, state in STATE_OF_STATUS.items()} == {s: s.lower() for s in JobStatus}
    assert {status.value: status.rank for status in JobStatus} == {
        "SUBMITTED": 0,
        "PENDING": 1,
        "RUNNABLE": 2,
        "STARTING": 3,
        "RUNNING": 4,
        "SUCCEEDED": 5,
        "FAILED": 5,
    }
    assert [status for status in JobStatus if status.ended] == [JobStatus.SUCCEEDED, JobStatus.FAILED]


def test_a_run_has_three_endings():
    assert {state.value for state in RunState if state.ended} == {"succeeded", "failed", "cancelled"}
