"""What is wrong with a stage's functions as Lambda has them: pure checks over what was read back of their settings.

Owns the rules and their words. What the settings must be, and how they are read, is deploy/lambda_settings.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from batchwright.deploy.api_settings import SeenApi
from batchwright.deploy.lambda_settings import REPORT, Seen
from batchwright.deploy.quota import Quota
from batchwright.doctor.rules import Finding, Severity
from chalicelib.core.concurrency import ceilings_within
from chalicelib.wiring import PARTIAL_RESPONSES

DEPLOY = "`batchwright deploy --stage {}` sets it; a pipeline takes it from infra/package-merge.yaml"

GUARDED = "strangers cannot use up the authorizer"


def check_functions(functions: Sequence[Seen], quota: Quota, stage: str) -> list[Finding]:
    """Everything that is wrong with the functions that the queues feed."""
    advice = DEPLOY.format(stage)
    found = [finding for seen in functions for finding in _check(seen, advice)]
    allowed = ceilings_within(quota.executions)
    for seen in functions:
        most = allowed.events if seen.function_name.endswith("on_events") else allowed.commands
        if seen.ceiling is None or seen.ceiling > most:
            at_once = "any number" if seen.ceiling is None else f"{seen.ceiling}"
            value = f"its queue may feed {at_once} at once, of {quota.executions:,}; at most {most} leave enough"
            rule = "a queue leaves executions to others"
            found.append(Finding(Severity.ERROR, rule, "", f"function {seen.function_name}", value, advice))
    return found


def check_apis(apis: Iterable[SeenApi], stage: str) -> list[Finding]:
    """Everything that is wrong with the HTTP APIs that ask the authorizer."""
    found = []
    for api in apis:
        if not api.is_narrow:
            value = "API Gateway asks the authorizer about any header, so strangers make it run"
            found.append(Finding(Severity.ERROR, GUARDED, "", "HTTP API", value, DEPLOY.format(stage)))
        if not api.is_throttled:
            value = "its stage takes as many requests a second as the account may have"
            found.append(Finding(Severity.ERROR, GUARDED, "", "HTTP API", value, DEPLOY.format(stage)))
    return found


def _check(seen: Seen, advice: str) -> Iterator[Finding]:
    place = f"function {seen.function_name}"

    def finding(rule: str, value: str) -> Finding:
        return Finding(Severity.ERROR, rule, "", place, value, advice)

    if not seen.may_loop:
        value = "RecursiveLoop is Terminate: Lambda drops a message that was sent anew 16 times"
        yield finding("a queue's function may send to its own queue", value)
    rule = "what a function reports as failed comes again"
    if seen.loses_messages:
        value = f"{PARTIAL_RESPONSES} is true, and a mapping lacks {REPORT}: messages that are not done are lost"
        yield finding(rule, value)
    elif not (seen.mappings_report and seen.relies_on_report):
        missing = f"{PARTIAL_RESPONSES} is not true" if seen.mappings_report else f"a mapping lacks {REPORT}"
        yield finding(rule, f"{missing}: the function raises instead, and Lambda slows its queue down")
