"""EventBridge patterns. That the answers are EventBridge's is tested against MiniStack (tests/functional)."""

from __future__ import annotations

from typing import Any

import pytest

from batchwright.local.batch.pattern import PatternError, check_pattern, matches

from .patterns import CASES, DOCUMENT


@pytest.mark.parametrize(("pattern", "expected"), CASES)
def test_patterns(pattern: dict[str, Any], expected: bool) -> None:
    check_pattern(pattern)
    assert matches(pattern, DOCUMENT) is expected


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
