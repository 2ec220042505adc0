"""Our matcher and an emulator's TestEventPattern agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchwright.local.batch.pattern import matches
from batchwright.local.ministack import MiniStack
from tests.unit.local.batch.patterns import CASES, DOCUMENT

from .account import aws_client


@pytest.mark.parametrize(("pattern", "expected"), CASES)
def test_the_emulator_agrees(ministack: MiniStack, pattern: dict[str, Any], expected: bool) -> None:
    client = aws_client("events", ministack.endpoint_url)
    answer = client.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(DOCUMENT))
    assert answer["Result"] is expected
    assert matches(pattern, DOCUMENT) is expected
