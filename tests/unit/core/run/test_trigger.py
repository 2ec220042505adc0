"""Trigger rules against Airflow's documented meaning, written down here as a table of its own:
https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules"""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.run.trigger import ParentCounts, Verdict, verdict
from chalicelib.core.states import TriggerRule
from tests import oracle

READY, SKIP, DOOM, WAIT, UNREAD = Verdict.READY, Verdict.SKIP, Verdict.DOOM, Verdict.WAIT, Verdict.UNREAD
FINAL = (READY, SKIP, DOOM)

# How two parents ended (s succeeded, f failed, u upstream_failed, k skipped, - not yet), and what each rule says.
TABLE = """
     all_success all_done all_failed one_success one_failed none_failed none_failed_min_one_success
ss   READY       READY    SKIP       READY       SKIP       READY       READY
sf   DOOM        READY    SKIP       READY       READY      DOOM        DOOM
su   DOOM        READY    SKIP       READY       READY      DOOM        DOOM
sk   SKIP        READY    SKIP       READY       SKIP       READY       READY
ff   DOOM        READY    READY      DOOM        READY      DOOM        DOOM
fu   DOOM        READY    READY      DOOM        READY      DOOM        DOOM
uu   DOOM        READY    READY      DOOM        READY      DOOM        DOOM
fk   DOOM        READY    SKIP       DOOM        READY      DOOM        DOOM
uk   DOOM        READY    SKIP       DOOM        READY      DOOM        DOOM
kk   SKIP        READY    SKIP       SKIP        SKIP       READY       SKIP
s-   WAIT        WAIT     SKIP       READY       WAIT       WAIT        WAIT
f-   DOOM        WAIT     WAIT       WAIT        READY      DOOM        DOOM
u-   DOOM        WAIT     WAIT       WAIT        READY      DOOM        DOOM
k-   WAIT        WAIT     SKIP       WAIT        WAIT       WAIT        WAIT
--   WAIT        WAIT     WAIT       WAIT        WAIT       WAIT        WAIT
"""
FIELDS = {
    "s": "succeeded",
    "f": "failed",
    "u": "upstream_failed",
    "k": "skipped",
    "c": "cancelled",
    "-": "waiting",
    "?": "unread",
}


def rows():
    header, *lines = TABLE.strip().splitlines()
    rules = header.split()
    for line in lines:
        parents, *cells = line.split()
        for rule, cell in zip(rules, cells, strict=True):
            yield rule, parents, cell


def counts(parents: str) -> ParentCounts:
    return ParentCounts(**{name: parents.count(letter) for letter, name in FIELDS.items()})


def test_the_table_speaks_of_every_rule_and_every_pair():
    spoken = {(rule, parents) for rule, parents, _ in rows()}
    assert {rule for rule, _ in spoken} == {rule.value for rule in TriggerRule}
    pairs = {tuple(sorted(pair)) for pair in product("sfuk-", repeat=2)}
    assert {tuple(sorted(parents)) for _, parents in spoken} == pairs


@pytest.mark.parametrize(("rule", "parents", "cell"), list(rows()))
def test_a_rule_means_what_airflow_documents(rule, parents, cell):
    assert verdict(TriggerRule(rule), counts(parents)) is Verdict[cell]


@pytest.mark.parametrize(("rule", "parents", "cell"), list(rows()))
def test_a_parent_whose_tally_is_unread_leaves_the_same_decisions_open(rule, parents, cell):
    said = verdict(TriggerRule(rule), counts(parents.replace("-", "?")))
    assert said is (UNREAD if cell == "WAIT" else Verdict[cell])


@pytest.mark.parametrize("rule", TriggerRule)
@pytest.mark.parametrize("parents", ["-?", "c?", "c-"])
def test_a_task_that_waits_anyway_asks_for_no_tallies(rule, parents):
    assert verdict(rule, counts(parents)) is WAIT


@pytest.mark.parametrize("rule", TriggerRule)
def test_a_task_with_cancelled_parents_is_left_to_the_cancelling(rule):
    assert verdict(rule, counts("c")) is WAIT
    assert verdict(rule, counts("cccc")) is WAIT


def test_the_oracle_uses_nothing_that_it_judges():
    source = Path(oracle.__file__).read_text()
    used = re.findall(r"^(?:from|import) (chalicelib\S*)", source, re.MULTILINE)
    assert used == [
        "chalicelib.core.plan.model",
        "chalicelib.core.plan.task",
    ]


many = st.lists(st.sampled_from("sfuk"), min_size=1, max_size=8).map("".join)


@given(st.sampled_from(TriggerRule), many)
def test_once_all_parents_ended_a_rule_decides_as_the_oracle_does(rule, parents):
    said = verdict(rule, counts(parents))
    instead = oracle.instead_of_starting(rule.value, [FIELDS[letter] for letter in parents])
    assert said is {None: READY, "skipped": SKIP, "upstream_failed": DOOM}[instead]


@given(st.sampled_from(TriggerRule), st.lists(st.sampled_from("sfukc"), min_size=1, max_size=8), st.data())
def test_a_decision_never_changes_when_more_parents_end(rule, endings, data):
    """Parents end one by one, in any order; before, each is waiting or unread."""
    hidden = [data.draw(st.sampled_from("-?")) for _ in endings]
    order = data.draw(st.permutations(range(len(endings))))
    seen, decided = list(hidden), None
    for place in order:
        said = verdict(rule, counts("".join(seen)))
        if decided is None and said in FINAL:
            decided = said
        assert decided is None or said is decided
        seen[place] = endings[place]
    last = verdict(rule, counts("".join(seen)))
    assert decided is None or last is decided
    assert last is not UNREAD
    assert last in FINAL or "c" in seen, "who knows all endings decides"


@given(st.sampled_from(TriggerRule), many)
def test_reading_a_tally_turns_unread_into_an_answer_and_changes_no_other(rule, parents):
    unread = replace(counts(parents), unread=1)
    for known in ("s", "f", "u", "k", "-"):
        before, after = verdict(rule, unread), verdict(rule, counts(parents + known))
        assert after is not UNREAD
        assert before is UNREAD or before is after
