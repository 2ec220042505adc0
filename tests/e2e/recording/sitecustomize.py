"""Loaded by Python itself in the commands of a recorded deployment: notes every call of AWS that they make.

Each is a line of JSON in the file that RECORD_AWS_CALLS_TO names: service, operation, and the parameters that say what
the call is done to. Values that may be secret or long are left out.
"""

import json
import os

_PATH = os.environ.get("RECORD_AWS_CALLS_TO")
_LEFT_OUT = ("Code", "ZipFile", "Body", "body", "TemplateBody", "Environment", "Item", "ExpressionAttributeValues")


def _record() -> None:
    from botocore.client import BaseClient

    call = BaseClient._make_api_call

    def recorded(self, operation, params):  # type: ignore[no-untyped-def]
        kept = {name: value for name, value in params.items() if name not in _LEFT_OUT}
        line = {"service": self.meta.service_model.service_name, "operation": operation, "params": kept}
        with open(_PATH, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")
        return call(self, operation, params)

    BaseClient._make_api_call = recorded


if _PATH:
    _record()
