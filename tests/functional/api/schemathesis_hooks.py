"""What schemathesis must not do: it remembers ids that it was told, and would revoke the token that it asks with."""

from __future__ import annotations

import os
from typing import Any

import schemathesis

OWN = "BATCHWRIGHT_OWN_TOKEN"
"""The variable with the id of that token."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    if case.path_parameters and os.environ[OWN] in case.path_parameters.values():
        case.path_parameters["token_id"] = "0" * 16
