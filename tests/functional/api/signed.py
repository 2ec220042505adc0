"""`python -m tests.functional.api.signed`: the HTTP API on this machine, as if IAM had let each request through.

Chalice's local server checks no signature and names no caller; API Gateway puts the ARN of a signed request's caller
into its context, and so does this.
"""

from __future__ import annotations

from typing import Any

from chalice.local import LambdaEventConverter

from batchwright.local import api

SOMEBODY = "arn:aws:iam::000000000000:user/somebody"


def main() -> None:
    """Serve as batchwright.local.api does, to one who is known."""
    unsigned = LambdaEventConverter.create_lambda_event

    def signed(*given: Any, **named: Any) -> Any:
        event: Any = unsigned(*given, **named)
        event["requestContext"]["identity"]["userArn"] = SOMEBODY
        return event

    LambdaEventConverter.create_lambda_event = signed
    api.main()


if __name__ == "__main__":
    main()
