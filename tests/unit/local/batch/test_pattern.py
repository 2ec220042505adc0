"""EventBridge patterns. That the answers are EventBridge's is tested against MiniStack (tests/functional)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.batch.pattern import PatternError, check_pattern, matches

# One event, and patterns with the answer that EventBridge gives for it.
KNOWN = json.loads((Path(__file__).parents[3] / "data" / "event_patterns.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", KNOWN["cases"], ids=lambda case: json.dumps(case["pattern"]))
def test_a_pattern_matches_as_in_eventbridge(case: dict[str, Any]) -> None:
    check_pattern(case["pattern"])
    assert matches(case["pattern"], KNOWN["document"]) is case["matches"]


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ([], "pattern must be an object"),
        ({"source": "aws.batch"}, "pattern.source must be a list"),
        ({"detail": {"jobName": [{"wildcard": "a*"}]}}, "pattern.detail.jobName.*wildcard"),
        ({"detail": {"n": [{"numeric": [">"]}]}}, "numeric takes pairs"),
        ({"source": [{"prefix": 3}]}, "prefix takes a string"),
        ({"$or": [{"source": ["a"]}]}, "two patterns or more"),
    ],
)
def test_a_pattern_that_is_not_understood_is_refused_with_its_place(pattern: Any, what: str) -> None:
    with pytest.raises(PatternError, match=what):
        check_pattern(pattern)
