"""Ids, names and tokens: the same for the same thing, different for another, and valid for Batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.ids import (
    Attempt,
    attempt_from_parameters,
    identity_parameters,
    job_name,
    refused_job_id,
    run_id,
    slug,
)
from chalicelib.core.limits import JOB_NAME_PATTERN

names = st.text(max_size=300)
attempts = st.builds(
    Attempt,
    run_id=st.text(min_size=1, max_size=60),
    epoch=st.integers(0, 99),
    index=st.integers(0, 100_000),
    number=st.integers(1, 99),
)


@given(attempts, names)
def test_a_jobs_name_is_valid_for_batch_whatever_the_task_is_called(attempt, name):
    assert JOB_NAME_PATTERN.fullmatch(job_name(attempt, name))


@given(attempts, attempts, st.text(max_size=5))
def test_jobs_of_two_attempts_have_names_that_differ_even_without_their_case(one, other, name):
    assert job_name(one, name) == job_name(one, name)
    same = job_name(one, name).lower() == job_name(other, name).lower()
    assert same == (one == other)


@given(names, names)
def test_a_run_id_is_the_same_for_the_same_key_and_at_most_53_characters(workflow, key):
    first = run_id("dev", workflow, key)
    assert first == run_id("dev", workflow, key)
    assert len(first) <= 53
    assert JOB_NAME_PATTERN.fullmatch(first)


def test_runs_of_another_stage_workflow_or_key_have_other_ids():
    keys = [("a", "k"), ("b", "k"), ("a", "l"), ("a\nk", ""), ("a ", "k"), ("a-", "k")]
    ids = {run_id(stage, workflow, key) for stage in ("dev", "prod") for workflow, key in keys}
    assert len(ids) == 2 * len(keys)


@given(attempts)
def test_an_attempt_is_read_back_from_the_parameters_of_its_job(attempt):
    parameters = identity_parameters(attempt)
    assert all(isinstance(value, str) for value in parameters.values())
    assert attempt_from_parameters(parameters) == attempt
    assert attempt_from_parameters({"film": "Amélie", **parameters}) == attempt


@pytest.mark.parametrize("missing", identity_parameters(Attempt("r", 0, 0, 1)))
def test_a_job_that_carries_only_a_part_of_an_identity_is_not_ours(missing):
    parameters = identity_parameters(Attempt("r", 0, 0, 1))
    del parameters[missing]
    assert attempt_from_parameters(parameters) is None


@pytest.mark.parametrize("key", identity_parameters(Attempt("r", 0, 0, 1)))
@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        1.0,
        True,
        [],
        {},
        ["1"],
        "",
        "-1",
        "1.0",
        " 1",
        "one",
        "²",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "9" * 10,
        "9" * 5000,
    ],
)
def test_a_job_whose_identity_is_not_of_our_writing_is_not_ours(key, value):
    parameters = {**identity_parameters(Attempt("r", 0, 0, 1)), key: value}
    found = attempt_from_parameters(parameters)
    if key == "batchwright_run" and isinstance(value, str) and value:
        assert found == Attempt(value, 0, 0, 1), "a run may have any name"
    else:
        assert found is None


def test_the_stand_in_for_a_refused_job_is_no_job_id_of_batch():
    stand_in = refused_job_id("import-0123456789abcdef")
    assert stand_in == "refused:import-0123456789abcdef"
    assert ":" in stand_in, "a real id that holds a colon is that of an array's child, which ends in digits"


@pytest.mark.parametrize(
    ("text", "slugged"),
    [("Import films", "Import-films"), ("été", "t-"), ("--a", "a"), ("", "x"), ("日本", "x"), ("a.b/c", "a-b-c")],
)
def test_a_slug_keeps_what_a_job_name_can_hold(text, slugged):
    assert slug(text) == slugged
