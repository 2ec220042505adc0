"""The transition table, walked over its whole product, against what each state's sentence says."""

from itertools import product

import pytest

from chalicelib.core.states import (
    ENDINGS,
    OPEN_STATES,
    RUN_STATES_BEFORE,
    STATE_OF_STATUS,
    STATES_BEFORE,
    JobStatus,
    RunState,
    TaskState,
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
def test_a_record_moves_as_the_table_says(state, to, started_over, moves):
    here, there = LETTERS[state], LETTERS[to]
    if to in moves[state]:
        assert here in states_before(there, job_started_over=started_over)
    else:
        assert here not in states_before(there, job_started_over=started_over)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ended_never_moves(ending):
    assert ending.ended
    assert not any(ending in states_before(to, job_started_over=over) for to in TaskState for over in (False, True))


def test_a_state_is_open_or_an_ending():
    assert set(OPEN_STATES) | set(ENDINGS) == set(TaskState)
    assert not set(OPEN_STATES) & set(ENDINGS)
    assert not any(state.ended for state in OPEN_STATES)


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


def test_the_table_of_runs_has_every_state_and_nothing_follows_an_ending():
    assert set(RUN_STATES_BEFORE) == set(RunState)
    assert not any(state.ended for before in RUN_STATES_BEFORE.values() for state in before)
    assert all(RUN_STATES_BEFORE[state] for state in RunState)


def test_a_run_has_three_endings():
    assert {state.value for state in RunState if state.ended} == {"succeeded", "failed", "cancelled"}
