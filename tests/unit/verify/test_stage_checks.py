"""What verify makes of a stage: its settings, answers, runs and logs."""

from __future__ import annotations

from typing import Any

import pytest

from batchwright.verify import stage_checks as checks
from batchwright.verify.assumptions import ASSUMPTIONS, Assumption, Row, judge
from batchwright.verify.observed import (
    Asked,
    Concurrency,
    Fired,
    NotHere,
    Observed,
    QueueFeed,
    RunSeen,
    Saw,
    Unseen,
)
from batchwright.verify.report import all_is_well, rows_document, summary
from batchwright.verify.verdict import Judged, Verdict

GOOD = QueueFeed("on_events", ("ReportBatchItemFailures",), "true", 10)
ANSWERS = {
    Asked.TOKEN: 200,
    Asked.OWN_WORKFLOW: 200,
    Asked.OTHER_WORKFLOW: 403,
    Asked.BEYOND_SCOPE: 403,
    Asked.WRONG_TOKEN: 403,
    Asked.NO_TOKEN: 401,
}


def verdict(check: Any, **seen: Any) -> Verdict:
    found: Judged = check(Observed(**{name: Saw(value) for name, value in seen.items()}))
    return found.verdict


def test_partial_responses_need_the_mapping_and_the_functions_variable() -> None:
    assert verdict(checks.check_partial_responses, mappings=(GOOD,)) is Verdict.HOLDS
    for wrong in (
        QueueFeed("on_commands", (), "true", 10),
        QueueFeed("on_commands", ("ReportBatchItemFailures",), None, 10),
        QueueFeed("on_commands", ("ReportBatchItemFailures",), "false", 10),
    ):
        assert verdict(checks.check_partial_responses, mappings=(GOOD, wrong)) is Verdict.BROKEN
    assert verdict(checks.check_partial_responses, mappings=()) is Verdict.BROKEN


def test_recursion_must_be_allowed_on_both_functions() -> None:
    assert verdict(checks.check_recursion, recursion={"on_events": "Allow", "on_commands": "Allow"}) is Verdict.HOLDS
    wrong = {"on_events": "Allow", "on_commands": "Terminate"}
    assert verdict(checks.check_recursion, recursion=wrong) is Verdict.BROKEN


@pytest.mark.parametrize(
    ("quota", "ceilings", "wanted"),
    [
        (1000, (10, 10), Verdict.HOLDS),
        (21, (10, 10), Verdict.HOLDS),
        (20, (10, 10), Verdict.BROKEN),
        (10, (4, 4), Verdict.HOLDS),
        (1000, (None, 10), Verdict.BROKEN),
    ],
)
def test_the_account_must_have_room_for_both_ceilings_and_more(
    quota: int, ceilings: tuple[int | None, int], wanted: Verdict
) -> None:
    found = Concurrency(quota, dict(zip(("on_events", "on_commands"), ceilings, strict=True)))
    assert verdict(checks.check_concurrency, concurrency=found) is wanted


@pytest.mark.parametrize(
    ("asked", "status", "broken"),
    [
        (Asked.TOKEN, 403, {checks.check_token, checks.check_context}),
        (Asked.WRONG_TOKEN, 200, {checks.check_wrong_token}),
        (Asked.NO_TOKEN, 200, {checks.check_no_token}),
        (Asked.NO_TOKEN, 500, {checks.check_no_token}),
        (Asked.OWN_WORKFLOW, 403, {checks.check_context}),
        (Asked.OTHER_WORKFLOW, 200, {checks.check_context}),
        (Asked.BEYOND_SCOPE, 202, {checks.check_context}),
    ],
)
def test_one_wrong_answer_breaks_what_hangs_on_it(asked: Asked, status: int, broken: set[Any]) -> None:
    every = {checks.check_token, checks.check_wrong_token, checks.check_no_token, checks.check_context}
    assert {check for check in every if verdict(check, answers=ANSWERS) is Verdict.HOLDS} == every
    answers = {**ANSWERS, asked: status}
    assert {check for check in every if verdict(check, answers=answers) is Verdict.BROKEN} == broken


@pytest.mark.parametrize(
    ("late_ms", "wanted"), [(0, Verdict.HOLDS), (120_001, Verdict.BROKEN), (-1500, Verdict.BROKEN)]
)
def test_a_schedule_must_fire_in_time(late_ms: int, wanted: Verdict) -> None:
    assert verdict(checks.check_schedule, schedule=Fired(1_000_000, 1_000_000 + late_ms)) is wanted


def test_a_schedule_that_never_fired_does_not_hold() -> None:
    assert verdict(checks.check_schedule, schedule=Fired(1_000_000, None)) is Verdict.BROKEN


def test_runs_must_end_as_they_should() -> None:
    for check, field, wanted in (
        (checks.check_run, "run", "succeeded"),
        (checks.check_redrive, "redrive", "succeeded"),
        (checks.check_cancel, "cancel", "cancelled"),
    ):
        assert verdict(check, **{field: RunSeen("r-1", wanted, {"last": "succeeded (1)"})}) is Verdict.HOLDS
        assert verdict(check, **{field: RunSeen("r-1", "failed")}) is Verdict.BROKEN


def test_the_notice_of_the_success_must_come() -> None:
    notice = {"kind": "run_succeeded", "id": "r-1/0/succeeded"}
    assert verdict(checks.check_notices, notices=(notice, notice)) is Verdict.HOLDS
    assert verdict(checks.check_notices, notices=({"kind": "run_failed", "id": "r-1/0/failed"},)) is Verdict.BROKEN
    assert verdict(checks.check_notices, notices=()) is Verdict.BROKEN


def test_refusals_dead_letters_and_what_is_left_do_not_hold() -> None:
    assert verdict(checks.check_policies, trouble=()) is Verdict.HOLDS
    assert verdict(checks.check_policies, trouble=("sweep: 1 refusals",)) is Verdict.BROKEN
    assert verdict(checks.check_clean_up, left=()) is Verdict.HOLDS
    assert verdict(checks.check_clean_up, left=("queue batchwright-dev-verify-x",)) is Verdict.BROKEN


def test_what_was_not_looked_at_is_never_a_pass() -> None:
    rows = judge(Observed())
    assert {row.judged.verdict for row in rows} == {Verdict.NOT_SEEN}
    assert not all_is_well(rows)
    assert summary(rows) == f"{len(ASSUMPTIONS)} not seen"


def test_what_the_place_cannot_answer_is_told_as_that_with_its_reason() -> None:
    [row] = [row for row in judge(Observed(recursion=NotHere("no Lambda"))) if row.assumption.key == "recursion"]
    assert row.judged == Judged(Verdict.NOT_HERE, "no Lambda")
    [document] = rows_document([row])
    assert (document["key"], document["verdict"], document["told"]) == ("recursion", "not here", "no Lambda")


@pytest.mark.parametrize("found", Verdict)
@pytest.mark.parametrize("may_be_unseen", [False, True])
def test_only_what_is_broken_or_should_have_been_seen_ends_with_1(found: Verdict, may_be_unseen: bool) -> None:
    row = Row(Assumption("k", "s", "d", "n", lambda _: Judged(found, ""), may_be_unseen), Judged(found, ""))
    wanted = found in (Verdict.HOLDS, Verdict.NOT_HERE) or (found is Verdict.NOT_SEEN and may_be_unseen)
    assert all_is_well([row]) is wanted


def test_only_duplicates_need_not_be_seen() -> None:
    assert [one.key for one in ASSUMPTIONS if one.may_be_unseen] == ["duplicates"]
    assert len({one.key for one in ASSUMPTIONS}) == len(ASSUMPTIONS)


def test_a_look_that_follows_from_another_has_its_reason() -> None:
    assert Saw(2).then(lambda number: Saw(number + 1)) == Saw(3)
    for why in (NotHere("no"), Unseen("late")):
        assert why.then(lambda _: Saw(1)) == why
