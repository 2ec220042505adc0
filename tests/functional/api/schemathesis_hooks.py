"""What schemathesis must not do: it remembers ids that it was told, and would revoke the tokens of the tests."""

from __future__ import annotations

import os
from typing import Any

import schemathesis

OWN = "BATCHWRIGHT_OWN_TOKENS"
"""The variable with the ids of these tokens."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    given = (case.path_parameters or {}).get("token_id")
    if given and str(given) in os.environ[OWN].split():
        case.path_parameters["token_id"] = "0" * 16
