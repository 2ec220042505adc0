"""The messages of the commands queue: what is written is read back, and what is not ours is named."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import MalformedMessage
from chalicelib.core.ids import Attempt
from chalicelib.core.run.commands import (
    CancelRun,
    HealRun,
    JobRefused,
    RetryTask,
    SubmitTasks,
    TellJobFailures,
    TellTaskFailures,
    decode,
    encode,
    in_chunks,
)

numbers = st.integers(0, 10**15)
commands = st.one_of(
    st.builds(SubmitTasks, run_id=st.text(), epoch=numbers, indexes=st.lists(numbers).map(tuple)),
    st.builds(
        RetryTask,
        run_id=st.text(),
        epoch=numbers,
        index=numbers,
        failed_number=numbers,
        failed_job_id=st.text(),
        not_before_ms=numbers,
    ),
    st.builds(
        JobRefused,
        run_id=st.text(),
        epoch=numbers,
        index=numbers,
        number=numbers,
        job_id=st.text(),
        reason=st.text(),
    ),
    st.builds(CancelRun, run_id=st.text(), epoch=numbers, reason=st.text()),
    st.builds(HealRun, run_id=st.text(), epoch=numbers),
    st.builds(TellTaskFailures, run_id=st.text(), epoch=numbers, number=numbers, closes_ms=numbers),
    st.builds(TellJobFailures, monitor=st.text(), since_ms=numbers, day=st.text(), number=numbers, closes_ms=numbers),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("kind"), inner),
    max_leaves=5,
)


@given(commands)
def test_a_command_is_read_back_as_it_was_written(command):
    assert decode(encode(command)) == command


def test_a_message_is_json_that_names_its_kind_first():
    body = encode(RetryTask("films-1", 0, 7, failed_number=1, failed_job_id="j", not_before_ms=1_700_000_000_000))
    assert body.startswith('{"kind":"retry_task"')
    assert json.loads(body) == {
        "kind": "retry_task",
        "run_id": "films-1",
        "epoch": 0,
        "index": 7,
        "failed_number": 1,
        "failed_job_id": "j",
        "not_before_ms": 1_700_000_000_000,
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "JSONDecodeError"),
        ("not json", "JSONDecodeError"),
        ("[]", "it must be an object, not an empty list"),
        ("null", "it must be an object, not nothing"),
        (
            "{}",
            "kind must be one of submit_tasks, retry_task, job_refused, cancel_run, heal_run, "
            "start_scheduled, schedule_next, tell_task_failures, tell_job_failures, not nothing",
        ),
        ('{"kind":"brew_coffee"}', "tell_job_failures, not 'brew_coffee'"),
        ('{"kind":["submit_tasks"]}', "tell_job_failures, not a list"),
        ('{"kind":"cancel_run","run_id":"r","epoch":0}', "cancel_run: reason is missing"),
        (
            '{"kind":"cancel_run","run_id":"r","epoch":0,"reason":"","reasons":1}',
            "cancel_run: 'reasons' is no field of it; did you mean 'reason'?",
        ),
        ('{"kind":"cancel_run","run_id":7,"epoch":0,"reason":""}', "cancel_run: run_id must be text, not 7"),
        (
            '{"kind":"submit_tasks","run_id":"r","epoch":"0","indexes":[3]}',
            "submit_tasks: epoch must be a whole number from 0 to 9007199254740992, not '0'",
        ),
        ('{"kind":"submit_tasks","run_id":"r","epoch":0,"indexes":3}', "indexes must be a list, not 3"),
        ('{"kind":"submit_tasks","run_id":"r","epoch":0,"indexes":{"1":2}}', "indexes must be a list, not a mapping"),
        ('{"kind":"submit_tasks","run_id":"r","epoch":0,"indexes":[1,-1]}', "indexes[1] must be a whole number from 0"),
        ('{"kind":"submit_tasks","run_id":"r","epoch":0,"indexes":[true]}', "indexes[0] must be a whole number from 0"),
        ("[" * 100_000, "RecursionError"),
    ],
)
def test_what_is_no_command_is_refused_saying_why(body, says):
    with pytest.raises(MalformedMessage, match="not a command of ours: ") as refusal:
        decode(body)
    assert says in str(refusal.value)


@given(anything | st.dictionaries(st.sampled_from(["kind", "run_id", "indexes", "epoch"]), anything))
def test_any_json_is_a_command_or_refused(document):
    with suppress(MalformedMessage):
        command = decode(json.dumps(document))
        assert json.loads(encode(command)) == document


@given(st.lists(st.text(max_size=5)))
def test_any_text_is_refused(texts):
    with pytest.raises(MalformedMessage):
        decode("".join(texts))


def test_ready_tasks_travel_in_chunks_that_leave_none_out():
    chunks = list(in_chunks("r", 2, range(60), 25))
    assert [len(chunk.indexes) for chunk in chunks] == [25, 25, 10]
    assert [index for chunk in chunks for index in chunk.indexes] == list(range(60))
    assert {(chunk.run_id, chunk.epoch) for chunk in chunks} == {("r", 2)}
    assert list(in_chunks("r", 0, [], 25)) == []


def test_a_command_names_the_attempt_that_it_is_about():
    assert RetryTask("r", 1, 7, 2, "j", 0).next_attempt == Attempt("r", 1, 7, 3)
    assert JobRefused("r", 1, 7, 2, "j", "no").attempt == Attempt("r", 1, 7, 2)
