"""What a deployment asks of AWS with the deployer's own rights, and a judge of infra/deployer-policy.json.

Owns the reading of recorded calls as actions on resources, and what CloudFormation does on the deployer's behalf for
each type of resource. As in iam.py, moto's IAM evaluates the statements one by one; conditions are read here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from moto.iam.access_control import PermissionResult

from batchwright.deploy.policies import Place
from batchwright.stage.project import PROJECT_FOLDER
from tests.iam import _policy_of, asked_of

POLICY = PROJECT_FOLDER / "infra" / "deployer-policy.json"
BATCH_POLICY = PROJECT_FOLDER / "infra" / "deployer-policy-batch.json"


@dataclass(frozen=True)
class Ask:
    """An action, the ARN of what it is done to, and what a condition may look at."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allows(path: Path, ask: Ask) -> bool:
    """Whether a policy file allows this; the files deny nothing."""
    return any(
        _policy_of(one["Action"], one["Resource"]).is_action_permitted(ask.action, ask.resource)
        is PermissionResult.PERMITTED
        and _holds(one.get("Condition", {}), ask.context)
        for one in json.loads(path.read_text())["Statement"]
    )


def _holds(condition: Mapping[str, Mapping[str, str | list[str]]], context: Mapping[str, str]) -> bool:
    for operator, keys in condition.items():
        assert operator in ("ArnLike", "StringLike"), f"the judge does not know {operator}"
        for key, given in keys.items():
            patterns = [given] if isinstance(given, str) else given
            if not any(fnmatchcase(context.get(key, ""), pattern) for pattern in patterns):
                return False
    return True


def recorded(path: Path, place: Place) -> list[Ask]:
    """What the calls of a recording (tests/e2e/recording) ask, each once."""
    found: dict[str, Ask] = {}
    for line in path.read_text().splitlines():
        call = json.loads(line)
        for ask in asks_of(place, call["service"], call["operation"], call["params"]):
            found.setdefault(f"{ask}", ask)
    return list(found.values())


def asks_of(place: Place, service: str, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    """What a call asks. Raises KeyError for one of a service that no deployment calls."""
    if service in _READERS:
        yield from _READERS[service](place, operation, params)
    else:
        # The engine's own, as when workflows are pushed.
        for action, resource in asked_of(place, service, operation, params):
            passed = {"iam:PassedToService": "scheduler.amazonaws.com"} if action == "iam:PassRole" else {}
            yield Ask(action, resource, passed)


def _cloudformation(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    name = params["StackName"]
    arn = name if name.startswith("arn:") else place.arn("cloudformation", f"stack/{name}/id")
    yield Ask(f"cloudformation:{operation}", arn)


def _lambda(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    action = f"lambda:{'InvokeFunction' if operation == 'Invoke' else operation}"
    if "EventSourceMapping" in operation or operation == "GetAccountSettings":
        # Every mapping of a deployment is of one of its functions, whichever it is.
        function = _function_arn(place, params.get("FunctionName", f"{place.prefix}-on_events"))
        yield Ask(
            action,
            "*" if "UUID" not in params else place.arn("lambda", f"event-source-mapping:{params['UUID']}"),
            {"lambda:FunctionArn": function},
        )
        return
    yield Ask(action, _function_arn(place, params.get("FunctionName") or params["Resource"]))
    if "Role" in params:
        yield Ask("iam:PassRole", params["Role"], {"iam:PassedToService": "lambda.amazonaws.com"})
    if params.get("Tags"):
        yield Ask("lambda:TagResource", _function_arn(place, params.get("FunctionName") or params["Resource"]))


def _function_arn(place: Place, name: str) -> str:
    return name if name.startswith("arn:") else place.arn("lambda", f"function:{name}")


def _iam(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    yield Ask(f"iam:{operation}", f"arn:{place.partition}:iam::{place.account}:role/{params['RoleName']}")


# Its actions are HTTP methods on paths:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
_METHODS = {"Get": "GET", "Create": "POST", "Import": "POST", "Put": "PUT", "Update": "PATCH", "Delete": "DELETE"}


def _apigateway(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    method = next(method for verb, method in _METHODS.items() if operation.startswith(verb))
    path = f"/restapis/{params['restApiId']}/part" if "restApiId" in params else "/restapis"
    yield Ask(f"apigateway:{method}", f"arn:{place.partition}:apigateway:{place.region}::{path}")


# Those whose operation has another name than its action:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_S3_ACTIONS = {
    "HeadBucket": ("ListBucket",),
    "ListObjectVersions": ("ListBucketVersions",),
    "DeleteObjects": ("DeleteObject", "DeleteObjectVersion"),
}


def _s3(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    of_objects = "Key" in params or "Delete" in params
    arn = f"arn:{place.partition}:s3:::{params['Bucket']}{'/key' if of_objects else ''}"
    for action in _S3_ACTIONS.get(operation, (operation,)):
        yield Ask(f"s3:{action}", arn)


def _events(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    name = params.get("Rule") or params.get("Name")
    yield Ask(f"events:{operation}", place.arn("events", f"rule/{name}") if name else "*")


def _logs(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    name = params.get("logGroupName")
    yield Ask(f"logs:{operation}", place.arn("logs", f"log-group:{name}:*") if name else "*")


def _scheduler(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    # It knows no narrower resource:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
    if operation == "ListSchedules":
        yield Ask(f"scheduler:{operation}", "*")
        return
    for action, resource in asked_of(place, "scheduler", operation, params):
        yield Ask(action, resource, {"iam:PassedToService": "scheduler.amazonaws.com"})


def _sts(place: Place, operation: str, params: Mapping[str, Any]) -> Iterator[Ask]:
    # Nobody needs a permission to ask who they are:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    assert operation == "GetCallerIdentity"
    return iter(())


_READERS: dict[str, Callable[[Place, str, Mapping[str, Any]], Iterator[Ask]]] = {
    "cloudformation": _cloudformation,
    "lambda": _lambda,
    "iam": _iam,
    "apigateway": _apigateway,
    "s3": _s3,
    "events": _events,
    "logs": _logs,
    "scheduler": _scheduler,
    "sts": _sts,
}

_TAGS = ("TagResource", "UntagResource", "ListTagsForResource")
_BUCKET = (
    "BucketPublicAccessBlock",
    "BucketOwnershipControls",
    "EncryptionConfiguration",
    "LifecycleConfiguration",
    "BucketTagging",
)
BY_TYPE: dict[str, tuple[str, tuple[str, ...]]] = {
    "AWS::DynamoDB::Table": (
        "dynamodb:{region}:{account}:table/{name}",
        (
            "CreateTable",
            "DescribeTable",
            "UpdateTable",
            "DeleteTable",
            "UpdateTimeToLive",
            "DescribeTimeToLive",
            "UpdateContinuousBackups",
            "DescribeContinuousBackups",
            "DescribeContributorInsights",
            "DescribeKinesisStreamingDestination",
            "GetResourcePolicy",
            "TagResource",
            "UntagResource",
            "ListTagsOfResource",
        ),
    ),
    "AWS::SQS::Queue": (
        "sqs:{region}:{account}:{name}",
        (
            "CreateQueue",
            "GetQueueUrl",
            "GetQueueAttributes",
            "SetQueueAttributes",
            "DeleteQueue",
            "TagQueue",
            "UntagQueue",
            "ListQueueTags",
        ),
    ),
    "AWS::SQS::QueuePolicy": ("sqs:{region}:{account}:{name}", ("SetQueueAttributes", "GetQueueAttributes")),
    "AWS::SNS::Topic": (
        "sns:{region}:{account}:{name}",
        (
            "CreateTopic",
            "GetTopicAttributes",
            "SetTopicAttributes",
            "DeleteTopic",
            "ListSubscriptionsByTopic",
            "GetDataProtectionPolicy",
            *_TAGS,
        ),
    ),
    "AWS::SNS::TopicPolicy": ("sns:{region}:{account}:{name}", ("SetTopicAttributes", "GetTopicAttributes")),
    "AWS::SNS::Subscription": (
        "sns:{region}:{account}:{name}",
        (
            "Subscribe",
            "Unsubscribe",
            "GetSubscriptionAttributes",
            "SetSubscriptionAttributes",
            "ListSubscriptionsByTopic",
        ),
    ),
    "AWS::S3::Bucket": (
        "s3:::{name}",
        (
            "CreateBucket",
            "DeleteBucket",
            "ListBucket",
            "GetBucketVersioning",
            *(f"{verb}{what}" for what in _BUCKET for verb in ("Get", "Put")),
        ),
    ),
    "AWS::S3::BucketPolicy": ("s3:::{name}", ("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy")),
    "AWS::Events::Rule": (
        "events:{region}:{account}:rule/{name}",
        ("PutRule", "DescribeRule", "DeleteRule", "PutTargets", "RemoveTargets", "ListTargetsByRule", *_TAGS),
    ),
    "AWS::Scheduler::ScheduleGroup": (
        "scheduler:{region}:{account}:schedule-group/{name}",
        ("CreateScheduleGroup", "GetScheduleGroup", "DeleteScheduleGroup", *_TAGS),
    ),
    "AWS::IAM::Role": (
        "iam::{account}:role/{name}",
        (
            "CreateRole",
            "GetRole",
            "DeleteRole",
            "UpdateRole",
            "UpdateRoleDescription",
            "UpdateAssumeRolePolicy",
            "PutRolePolicy",
            "GetRolePolicy",
            "DeleteRolePolicy",
            "ListRolePolicies",
            "ListAttachedRolePolicies",
            "TagRole",
            "UntagRole",
        ),
    ),
    "AWS::Logs::LogGroup": (
        "logs:{region}:{account}:log-group:/aws/lambda/{name}:*",
        (
            "CreateLogGroup",
            "DeleteLogGroup",
            "DescribeLogGroups",
            "PutRetentionPolicy",
            "DeleteRetentionPolicy",
            "GetDataProtectionPolicy",
            "DescribeIndexPolicies",
            *_TAGS,
        ),
    ),
    "AWS::CloudWatch::Alarm": (
        "cloudwatch:{region}:{account}:alarm:{name}",
        ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms", *_TAGS),
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch::{account}:dashboard/{name}",
        ("PutDashboard", "GetDashboard", "DeleteDashboards"),
    ),
    "AWS::Lambda::Function": (
        "lambda:{region}:{account}:function:{name}",
        (
            "CreateFunction",
            "GetFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "DeleteFunction",
            "TagResource",
            "UntagResource",
            "ListTags",
            "PutFunctionRecursionConfig",
            "GetFunctionRecursionConfig",
            "PutFunctionConcurrency",
            "DeleteFunctionConcurrency",
        ),
    ),
    "AWS::EC2::VPC": (
        "ec2:{region}:{account}:vpc/x",
        (
            "CreateVpc",
            "DeleteVpc",
            "DescribeVpcs",
            "ModifyVpcAttribute",
            "DescribeVpcAttribute",
            "CreateTags",
            "DeleteTags",
        ),
    ),
    "AWS::EC2::InternetGateway": (
        "ec2:{region}:{account}:internet-gateway/x",
        ("CreateInternetGateway", "DeleteInternetGateway", "DescribeInternetGateways", "CreateTags"),
    ),
    "AWS::EC2::VPCGatewayAttachment": (
        "ec2:{region}:{account}:internet-gateway/x",
        ("AttachInternetGateway", "DetachInternetGateway", "DescribeInternetGateways"),
    ),
    "AWS::EC2::RouteTable": (
        "ec2:{region}:{account}:route-table/x",
        ("CreateRouteTable", "DeleteRouteTable", "DescribeRouteTables", "CreateTags"),
    ),
    "AWS::EC2::Route": (
        "ec2:{region}:{account}:route-table/x",
        ("CreateRoute", "DeleteRoute", "ReplaceRoute", "DescribeRouteTables"),
    ),
    "AWS::EC2::Subnet": (
        "ec2:{region}:{account}:subnet/x",
        (
            "CreateSubnet",
            "DeleteSubnet",
            "DescribeSubnets",
            "ModifySubnetAttribute",
            "CreateTags",
            "DescribeAvailabilityZones",
        ),
    ),
    "AWS::EC2::SubnetRouteTableAssociation": (
        "ec2:{region}:{account}:route-table/x",
        ("AssociateRouteTable", "DisassociateRouteTable", "DescribeRouteTables"),
    ),
    "AWS::EC2::VPCEndpoint": (
        "ec2:{region}:{account}:vpc-endpoint/x",
        ("CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints", "DescribeVpcEndpoints"),
    ),
    "AWS::EC2::SecurityGroup": (
        "ec2:{region}:{account}:security-group/x",
        (
            "CreateSecurityGroup",
            "DeleteSecurityGroup",
            "DescribeSecurityGroups",
            "AuthorizeSecurityGroupEgress",
            "RevokeSecurityGroupEgress",
            "CreateTags",
        ),
    ),
    "AWS::IAM::InstanceProfile": (
        "iam::{account}:instance-profile/{name}",
        (
            "CreateInstanceProfile",
            "GetInstanceProfile",
            "DeleteInstanceProfile",
            "AddRoleToInstanceProfile",
            "RemoveRoleFromInstanceProfile",
        ),
    ),
    "AWS::Batch::ComputeEnvironment": (
        "batch:{region}:{account}:compute-environment/{name}",
        (
            "CreateComputeEnvironment",
            "UpdateComputeEnvironment",
            "DeleteComputeEnvironment",
            "DescribeComputeEnvironments",
            *_TAGS,
        ),
    ),
    "AWS::Batch::JobQueue": (
        "batch:{region}:{account}:job-queue/{name}",
        ("CreateJobQueue", "UpdateJobQueue", "DeleteJobQueue", "DescribeJobQueues", *_TAGS),
    ),
    "AWS::Batch::JobDefinition": (
        "batch:{region}:{account}:job-definition/any",
        ("RegisterJobDefinition", "DeregisterJobDefinition", "DescribeJobDefinitions", *_TAGS),
    ),
}
"""What CloudFormation does with the deployer's rights, by type: the ARN of a resource, and the calls made for the
properties that our templates set. By the services' documents; no account has confirmed it."""


def asks_of_type(place: Place, kind: str) -> list[Ask]:
    """What CloudFormation asks for a resource of a type whose name begins as all names of the stage do. Raises KeyError
    for a type that the table lacks."""
    pattern, operations = BY_TYPE[kind]
    arn = f"arn:{place.partition}:" + pattern.format(
        region=place.region, account=place.account, name=f"{place.prefix}-x"
    )
    return [Ask(f"{pattern.partition(':')[0]}:{operation}", arn) for operation in operations]
