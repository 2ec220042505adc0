"""`python -m tests.enforcing_child`: MiniStack with IAM in force.

It checks each call's signature, session token and policy, and refuses it with AWS's own error. Owns the corrections of
what it reads otherwise than AWS does in calls that functions make, each with the page that tells how AWS reads it. All
else is MiniStack's own. The local Batch is another server, and checks nothing.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway_v1, lambda_svc

from batchwright.local.ministack_child import serve
from tests.iam_conditions import attributes_of, partition_of

BULK = {"sqs:SendMessageBatch": "sqs:SendMessage", "sqs:DeleteMessageBatch": "sqs:DeleteMessage"}
"""Calls that have no action of their own:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html"""

_action_of = iam_actions.extract_iam_action
_resource_of = iam_actions.extract_resource_arn
_context_of_dynamodb = iam_actions.dynamodb_service_context
_enforce = iam_evaluator.enforce
_condition_key = iam_evaluator._resolve_condition_key
_apigateway = apigateway_v1.handle_request


def action_of(*args: Any) -> str | None:
    """MiniStack takes the operation's name for the action."""
    found = _action_of(*args)
    return BULK.get(found, found) if found else None


def resource_of(
    service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account: str
) -> str:
    """MiniStack takes every schedule for one of the default group, and a log stream for its group. The default bus
    has no part in the ARN of a rule, and the calls about a rule's targets name the rule, too. A function that is
    created has a name.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    found: str = _resource_of(service, method, path, headers, body, query, region, account)
    if service == "scheduler" and path.startswith("/schedules/"):
        group = _read(body).get("GroupName") or "".join(query.get("groupName", [])) or "default"
        return f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{path.rpartition('/')[2]}"
    if service == "lambda" and path.rstrip("/").endswith("/functions") and (name := _read(body).get("FunctionName")):
        return f"arn:aws:lambda:{region}:{account}:function:{name}"
    if service == "events" and (rule := _read(body).get("Rule") or _read(body).get("Name")):
        return f"arn:aws:events:{region}:{account}:rule/{rule}"
    if service == "logs" and (stream := _read(body).get("logStreamName")):
        return f"{found}:log-stream:{stream}"
    return found


def context_of_dynamodb(body: bytes) -> dict[str, Any]:
    """MiniStack does not read the partition key, nor the attributes that are not read but written or compared.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    found: dict[str, Any] = _context_of_dynamodb(body)
    params = _read(body)
    if (partition := partition_of(params)) is not None:
        found["dynamodb:LeadingKeys"] = [partition]
    if attributes := attributes_of(params):
        found["dynamodb:Attributes"] = sorted(attributes | set(found.get("dynamodb:Attributes", ())))
    return found


def function_of_mapping(path: str, body: bytes) -> str | None:
    """The ARN of the function that a call about an event source mapping is about."""
    if "/event-source-mappings" not in path:
        return None
    known = lambda_svc._esms.get(path.rstrip("/").rpartition("/")[2]) or {}
    name = _read(body).get("FunctionName") or known.get("FunctionArn")
    if name is None or name.startswith("arn:"):
        return name
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


def passed_role(service: str, body: bytes) -> tuple[str, str] | None:
    """The role that a call passes, and the service that it is passed to."""
    params = _read(body)
    if service == "scheduler" and (role := params.get("Target", {}).get("RoleArn")):
        return role, "scheduler.amazonaws.com"
    if service == "lambda" and (role := params.get("Role")):
        return role, "lambda.amazonaws.com"
    return None


def enforce(key: str, action: str, service: str, region: str, **given: Any) -> Any:
    """MiniStack lets any role be passed to a service, and does not say of which function an event source mapping is.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    """
    signed = iam_evaluator._signed_request.get()
    body = signed.body if signed else b""
    if signed and service == "lambda" and (function := function_of_mapping(signed.raw_path, body)):
        given["service_context"] = {**(given.get("service_context") or {}), "lambda:functionarn": function}
    denied = _enforce(key, action, service, region, **given)
    passed = passed_role(service, body)
    if denied or passed is None:
        return denied
    role, passed_to = passed
    refused = _enforce(
        key,
        "iam:PassRole",
        service,
        region,
        resource_arn=role,
        service_context={"iam:PassedToService": passed_to},
    )
    if isinstance(refused, iam_evaluator.EvalResult):
        # MiniStack's answer would name the action of the call; AWS names the one that was refused.
        text = iam_actions.identity_denial_message("iam:PassRole", refused.principal_arn, role, False)
        return iam_evaluator.AuthError("AccessDenied", text)
    return refused


def condition_key(key: str, context: Any) -> Any:
    """Calls reach MiniStack in clear, on this machine; they reach AWS over TLS, of which a bucket's policy asks."""
    return "true" if key.lower() == "aws:securetransport" else _condition_key(key, context)


async def apigateway(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
    """MiniStack does not know PutRestApi, with which Chalice changes an API in place. It keeps nothing of a definition
    that is imported either, so that here, too, it is enough that the API is there.

    https://docs.aws.amazon.com/apigateway/latest/api/API_PutRestApi.html
    """
    parts = path.strip("/").split("/")
    if method == "PUT" and len(parts) == 2 and parts[0] == "restapis":
        return apigateway_v1._get_rest_api(parts[1])
    return await _apigateway(method, path, headers, body, query)


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    iam_actions.extract_iam_action = action_of
    iam_actions.extract_resource_arn = resource_of
    iam_actions.dynamodb_service_context = context_of_dynamodb
    iam_evaluator.enforce = enforce
    iam_evaluator._resolve_condition_key = condition_key
    apigateway_v1.handle_request = apigateway
    serve()
