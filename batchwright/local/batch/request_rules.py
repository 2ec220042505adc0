"""What Batch refuses beyond the shapes of its service model: one table of rules.

Owns: the limits, patterns and combinations that the API reference states in prose. Does not own the shapes
(protocol.py), the members that this server lacks (request_members.py), or names that must exist (definitions.py,
infrastructure.py, dependencies.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchwright.local.batch import request_checks as checks
from batchwright.local.batch.errors import refused
from batchwright.local.batch.request_checks import Asked

API = "https://docs.aws.amazon.com/batch/latest/APIReference/API_"
LIMITS = "https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html"

REGISTER = "RegisterJobDefinition"
SUBMIT = "SubmitJob"
CREATE_ENVIRONMENT = "CreateComputeEnvironment"
CREATE_QUEUE = "CreateJobQueue"
UPDATE_QUEUE = "UpdateJobQueue"
JOBS = (REGISTER, SUBMIT)
QUEUES = (CREATE_QUEUE, UPDATE_QUEUE)


@dataclass(frozen=True, slots=True)
class RequestRule:
    """`check` returns the message of a broken rule, or None."""

    operations: tuple[str, ...]
    member: str
    sentence: str
    source: str
    check: Callable[[Asked], str | None] = field(repr=False)


RULES: tuple[RequestRule, ...] = (
    # Names
    RequestRule(
        (REGISTER,),
        "jobDefinitionName",
        "1 to 128 letters, digits, hyphens and underscores.",
        f"{API}RegisterJobDefinition.html",
        checks.name_of_definition,
    ),
    RequestRule(
        (SUBMIT,),
        "jobName",
        "1 to 128 letters, digits, hyphens and underscores; the first is a letter or a digit.",
        f"{API}SubmitJob.html",
        checks.name_of_job,
    ),
    RequestRule(
        (CREATE_ENVIRONMENT,),
        "computeEnvironmentName",
        "1 to 128 letters, digits, hyphens and underscores.",
        f"{API}CreateComputeEnvironment.html",
        checks.name_of_environment,
    ),
    RequestRule(
        (CREATE_QUEUE,),
        "jobQueueName",
        "1 to 128 letters, digits, hyphens and underscores.",
        f"{API}CreateJobQueue.html",
        checks.name_of_queue,
    ),
    # Sizes
    RequestRule((REGISTER,), "the request", "At most 24 KiB.", LIMITS, checks.size_of_definition),
    RequestRule((SUBMIT,), "the request", "At most 30 KiB.", LIMITS, checks.size_of_job),
    RequestRule((SUBMIT,), "arrayProperties.size", "2 to 10,000.", f"{API}ArrayProperties.html", checks.array_size),
    RequestRule((SUBMIT,), "dependsOn", "At most 20 jobs.", f"{API}SubmitJob.html", checks.dependencies),
    RequestRule(
        JOBS,
        "schedulingPriority, schedulingPriorityOverride",
        "0 to 9,999.",
        f"{API}SubmitJob.html",
        checks.scheduling_priority,
    ),
    # Retries and time-outs
    RequestRule(JOBS, "retryStrategy.attempts", "1 to 10.", f"{API}RetryStrategy.html", checks.attempts),
    RequestRule(
        JOBS,
        "retryStrategy.evaluateOnExit",
        "At most 5 entries.",
        f"{API}RetryStrategy.html",
        checks.exit_rules,
    ),
    RequestRule(
        JOBS,
        "retryStrategy.evaluateOnExit.action",
        "RETRY or EXIT, in upper or lower case.",
        f"{API}EvaluateOnExit.html",
        checks.exit_actions,
    ),
    RequestRule(
        JOBS,
        "retryStrategy.evaluateOnExit",
        "Each entry has onExitCode, onReason or onStatusReason: at most 512 letters, digits, periods, colons and white"
        " space (onExitCode: digits), and an asterisk only at the end.",
        f"{API}EvaluateOnExit.html",
        checks.exit_patterns,
    ),
    RequestRule(
        JOBS,
        "retryStrategy.evaluateOnExit",
        "Needs `attempts` beside it.",
        f"{API}RetryStrategy.html",
        checks.exit_rules_need_attempts,
    ),
    RequestRule(
        JOBS,
        "timeout.attemptDurationSeconds",
        "60 or more (or `--minimum-timeout-seconds`).",
        f"{API}JobTimeout.html",
        checks.timeout,
    ),
    # The container
    RequestRule(
        (REGISTER,),
        "containerProperties, ecsProperties",
        "A definition of type `container` has exactly one of them; `multinode` is for `nodeProperties`.",
        f"{API}RegisterJobDefinition.html",
        checks.kind_of_definition,
    ),
    RequestRule(
        (REGISTER,),
        "ecsProperties",
        "One task of one container, which is essential: this server runs no more. Batch takes up to 10.",
        f"{API}EcsProperties.html",
        checks.one_task_of_one_container,
    ),
    RequestRule(
        (REGISTER,),
        "platformCapabilities",
        "MANAGED_INSTANCES needs `ecsProperties`.",
        f"{API}RegisterJobDefinition.html",
        checks.managed_instances,
    ),
    RequestRule(
        (SUBMIT,),
        "containerOverrides, ecsPropertiesOverride",
        "The one that goes with the definition.",
        f"{API}SubmitJob.html",
        checks.place_of_overrides,
    ),
    RequestRule(
        (SUBMIT,),
        "ecsPropertiesOverride",
        "One task of one container, named as in the definition.",
        f"{API}TaskContainerOverrides.html",
        checks.one_override,
    ),
    RequestRule((REGISTER,), "image", "Required.", f"{API}ContainerProperties.html", checks.image),
    RequestRule(
        (REGISTER,),
        "resourceRequirements",
        "VCPU and MEMORY are required (`vcpus` and `memory` count, except on Fargate).",
        f"{API}ContainerProperties.html",
        checks.required_resources,
    ),
    RequestRule(
        JOBS,
        "resourceRequirements",
        "More than 0 vCPUs, 4 MiB of memory or more, and whole GPUs.",
        f"{API}ResourceRequirement.html",
        checks.resource_values,
    ),
    RequestRule(
        (REGISTER,),
        "resourceRequirements",
        "On EC2 VCPU is a whole number.",
        f"{API}ResourceRequirement.html",
        checks.whole_vcpus_on_ec2,
    ),
    RequestRule(
        JOBS,
        "environment",
        "Each entry has a name, and none begins with `AWS_BATCH`.",
        f"{API}ContainerProperties.html",
        checks.environment,
    ),
    RequestRule(
        (SUBMIT,),
        "containerOverrides.command",
        "Has no empty string.",
        f"{API}ContainerOverrides.html",
        checks.command_override,
    ),
    RequestRule(
        (REGISTER,),
        "platformCapabilities",
        "At most one.",
        f"{API}RegisterJobDefinition.html",
        checks.one_platform,
    ),
    # Fargate
    RequestRule(
        (REGISTER,),
        "executionRoleArn",
        "Required on Fargate.",
        f"{API}ContainerProperties.html",
        checks.execution_role,
    ),
    RequestRule(
        JOBS,
        "resourceRequirements",
        "On Fargate VCPU and MEMORY are a pair of the API reference's table.",
        f"{API}ResourceRequirement.html",
        checks.fargate_pair,
    ),
    RequestRule(
        JOBS, "resourceRequirements", "No GPU on Fargate.", f"{API}ResourceRequirement.html", checks.fargate_gpu
    ),
    RequestRule(
        JOBS,
        "vcpus, memory, instanceType, ulimits, privileged",
        "Not on Fargate (`privileged` may be false).",
        f"{API}ContainerProperties.html",
        checks.not_on_fargate,
    ),
    RequestRule(
        (REGISTER,),
        "linuxParameters",
        "On Fargate without devices, sharedMemorySize, tmpfs, maxSwap and swappiness.",
        f"{API}LinuxParameters.html",
        checks.fargate_linux_parameters,
    ),
    RequestRule(
        (REGISTER,),
        "volumes.host.sourcePath",
        "Not on Fargate.",
        f"{API}Host.html",
        checks.fargate_volumes,
    ),
    RequestRule(
        (REGISTER,),
        "logConfiguration.logDriver",
        "On Fargate awslogs, splunk or awsfirelens.",
        f"{API}LogConfiguration.html",
        checks.fargate_log_driver,
    ),
    RequestRule(
        (REGISTER,),
        "ephemeralStorage.sizeInGiB",
        "21 to 200.",
        f"{API}EphemeralStorage.html",
        checks.ephemeral_storage,
    ),
    RequestRule(
        (REGISTER,),
        "networkConfiguration, fargatePlatformConfiguration",
        "Not on EC2.",
        f"{API}ContainerProperties.html",
        checks.only_on_fargate,
    ),
    # Compute environments and queues
    RequestRule(
        (CREATE_ENVIRONMENT,),
        "computeResources",
        "Required if MANAGED.",
        f"{API}CreateComputeEnvironment.html",
        checks.compute_resources,
    ),
    RequestRule(
        (CREATE_ENVIRONMENT,),
        "unmanagedvCpus",
        "Only if UNMANAGED.",
        f"{API}CreateComputeEnvironment.html",
        checks.unmanaged_vcpus,
    ),
    RequestRule(
        (CREATE_ENVIRONMENT,),
        "computeResources",
        "On Fargate without what describes instances, such as instanceTypes, minvCpus and instanceRole.",
        f"{API}ComputeResource.html",
        checks.fargate_environment,
    ),
    RequestRule(QUEUES, "priority", "0 to 1,000.", f"{API}CreateJobQueue.html", checks.priority),
    RequestRule(
        QUEUES,
        "computeEnvironmentOrder",
        "1 to 3 compute environments.",
        f"{API}CreateJobQueue.html",
        checks.environment_order,
    ),
    RequestRule(
        QUEUES,
        "jobStateTimeLimitActions",
        "maxTimeSeconds from 600 to 86,400, and the action CANCEL.",
        f"{API}JobStateTimeLimitAction.html",
        checks.time_limit_actions,
    ),
)


def check_request(operation: str, asked: Asked) -> None:
    """Raise ClientError with the first rule that the request breaks."""
    for rule in RULES:
        if operation in rule.operations:
            message = rule.check(asked)
            if message is not None:
                raise refused(message)


def check_plain(operation: str, request: Mapping[str, Any]) -> None:
    """`check_request` of an operation whose request says everything."""
    check_request(operation, Asked(request, payload_bytes=len(json.dumps(request))))
