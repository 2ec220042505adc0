"""Our matcher and an emulator's TestEventPattern agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.batch.pattern import matches
from batchwright.local.ministack import MiniStack

from .account import aws_client

KNOWN = json.loads((Path(__file__).parents[2] / "data" / "event_patterns.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", KNOWN["cases"], ids=lambda case: json.dumps(case["pattern"]))
def test_the_emulator_agrees(ministack: MiniStack, case: dict[str, Any]) -> None:
    client = aws_client("events", ministack.endpoint_url)
    pattern, event = json.dumps(case["pattern"]), json.dumps(KNOWN["document"])
    answer = client.test_event_pattern(EventPattern=pattern, Event=event)
    assert answer["Result"] is case["matches"]
    assert matches(case["pattern"], KNOWN["document"]) is case["matches"]
