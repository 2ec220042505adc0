"""The checks of request_rules.py: each looks at one request and returns the message of the rule it breaks, or None.

Owns: the wording of refusals, in Batch's own words where they are known, with the value that breaks the rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchwright.local.batch.container import only_container, requirements

Document = Mapping[str, Any]

NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
DEFINITION_BYTES = 24 * 1024
PAYLOAD_BYTES = 30 * 1024
DEPENDENCIES = 20
EXIT_RULES = 5
PATTERN_CHARACTERS = 512
EXIT_PATTERNS = {
    "onExitCode": r"[0-9]*\*?",
    "onReason": r"[A-Za-z0-9.: \t]*\*?",
    "onStatusReason": r"[A-Za-z0-9.: \t]*\*?",
}
RESERVED = "AWS_BATCH"
FARGATE = "FARGATE"
FARGATE_LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
FARGATE_MEMORY_MIB: Mapping[float, Sequence[int]] = {
    0.25: (512, 1024, 2048),
    0.5: range(1024, 4096 + 1, 1024),
    1: range(2048, 8192 + 1, 1024),
    2: range(4096, 16384 + 1, 1024),
    4: range(8192, 30720 + 1, 1024),
    8: range(16384, 61440 + 1, 4096),
    16: range(32768, 122880 + 1, 8192),
    32: (61440, 122880, 249856),
}
"""The memory in MiB that a job of so many vCPUs may have on Fargate."""
OF_INSTANCES = (
    "allocationStrategy",
    "minvCpus",
    "desiredvCpus",
    "instanceTypes",
    "imageId",
    "ec2KeyPair",
    "instanceRole",
    "tags",
    "placementGroup",
    "bidPercentage",
    "spotIamFleetRole",
    "launchTemplate",
    "ec2Configuration",
    "scalingPolicy",
)
"""The members of computeResources that are not applicable for Fargate."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the rules look at it.

    `container` is the definition's container, or of a job the merged one; `overrides` is what a job changes of it.
    `definition` is what a job is submitted with.
    """

    request: Document
    container: Document = field(default_factory=dict)
    overrides: Document = field(default_factory=dict)
    definition: Document = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    payload_bytes: int = 0
    minimum_timeout_seconds: int = 60

    @property
    def is_on_fargate(self) -> bool:
        return FARGATE in self.platforms

    @property
    def is_on_ec2(self) -> bool:
        """EC2 is Batch's default."""
        return not self.platforms or "EC2" in self.platforms

    @property
    def resources(self) -> dict[str, str]:
        """The values of resourceRequirements, the old vcpus and memory among them."""
        return {entry["type"]: entry["value"] for entry in requirements(self.container)}


# Names


def name_of_definition(asked: Asked) -> str | None:
    name = asked.request["jobDefinitionName"]
    if NAME.fullmatch(name):
        return None
    return f"Provided name {name} is not supported pattern[a-zA-Z_0-9-]{{1,128}}"


def name_of_job(asked: Asked) -> str | None:
    name = asked.request["jobName"]
    return None if JOB_NAME.fullmatch(name) else f"Job name should match valid pattern {JOB_NAME.pattern}, not {name!r}"


def name_of_environment(asked: Asked) -> str | None:
    name = asked.request["computeEnvironmentName"]
    if NAME.fullmatch(name):
        return None
    return f"computeEnvironmentName should match a valid pattern {NAME.pattern}, not {name!r}"


def name_of_queue(asked: Asked) -> str | None:
    name = asked.request["jobQueueName"]
    return None if NAME.fullmatch(name) else f"Job Queue name should match a valid pattern {NAME.pattern}, not {name!r}"


# Sizes


def size_of_definition(asked: Asked) -> str | None:
    if asked.payload_bytes <= DEFINITION_BYTES:
        return None
    return f"Job definition size must be at most {DEFINITION_BYTES} bytes, not {asked.payload_bytes}"


def size_of_job(asked: Asked) -> str | None:
    if asked.payload_bytes <= PAYLOAD_BYTES:
        return None
    return f"Job payload must be at most {PAYLOAD_BYTES} bytes, not {asked.payload_bytes}"


def array_size(asked: Asked) -> str | None:
    size = asked.request.get("arrayProperties", {}).get("size")
    return None if size is None else _between("Array size", size, 2, 10_000)


def dependencies(asked: Asked) -> str | None:
    count = len(asked.request.get("dependsOn", ()))
    return None if count <= DEPENDENCIES else f"A job can depend upon a maximum of {DEPENDENCIES} jobs, not {count}."


def scheduling_priority(asked: Asked) -> str | None:
    for member in ("schedulingPriority", "schedulingPriorityOverride"):
        message = _between(member, asked.request.get(member, 0), 0, 9999)
        if message is not None:
            return message
    return None


# Retries and time-outs


def attempts(asked: Asked) -> str | None:
    return _between("Retry attempts", _retry(asked).get("attempts", 1), 1, 10)


def exit_rules(asked: Asked) -> str | None:
    count = len(_exit_rules(asked))
    return None if count <= EXIT_RULES else f"evaluateOnExit can have at most {EXIT_RULES} entries, not {count}."


def exit_actions(asked: Asked) -> str | None:
    for rule in _exit_rules(asked):
        if str(rule["action"]).upper() not in ("RETRY", "EXIT"):
            return f"evaluateOnExit action must be RETRY or EXIT, not {rule['action']}."
    return None


def exit_patterns(asked: Asked) -> str | None:
    for rule in _exit_rules(asked):
        if not any(key in rule for key in EXIT_PATTERNS):
            return "evaluateOnExit needs one of onExitCode, onReason and onStatusReason."
        for key, pattern in EXIT_PATTERNS.items():
            value = rule.get(key, "")
            if len(value) > PATTERN_CHARACTERS or not re.fullmatch(pattern, value):
                limit = f"must match {pattern} and have at most {PATTERN_CHARACTERS} characters"
                return f"evaluateOnExit {key} {value!r} {limit}."
    return None


def exit_rules_need_attempts(asked: Asked) -> str | None:
    if _exit_rules(asked) and "attempts" not in _retry(asked):
        return "retryStrategy.attempts must be specified with evaluateOnExit."
    return None


def timeout(asked: Asked) -> str | None:
    if "timeout" not in asked.request:
        return None
    least = asked.minimum_timeout_seconds
    seconds = asked.request["timeout"].get("attemptDurationSeconds")
    if seconds is None or seconds < least:
        return f"attemptDurationSeconds must be at least {least} seconds, not {seconds}."
    return None


def _retry(asked: Asked) -> Document:
    retry: Document = asked.request.get("retryStrategy", {})
    return retry


def _exit_rules(asked: Asked) -> Sequence[Document]:
    rules: Sequence[Document] = _retry(asked).get("evaluateOnExit", ())
    return rules


# The container


def kind_of_definition(asked: Asked) -> str | None:
    if asked.request["type"] != "container":
        return f"type {asked.request['type']}: this local Batch does not run multi-node jobs; use containerProperties"
    given = [name for name in ("containerProperties", "ecsProperties") if name in asked.request]
    if not given:
        return "Container properties must be provided for job definition type container."
    return None if len(given) == 1 else f"Only one of {' and '.join(given)} can be provided."


def one_task_of_one_container(asked: Asked) -> str | None:
    if "ecsProperties" not in asked.request:
        return None
    found = only_container(asked.request["ecsProperties"])
    if found is None:
        return "ecsProperties: this local Batch does not run jobs of several containers; use one task of one container"
    if found[1].get("essential") is False:
        return "ecsProperties must have at least one essential container."
    return None


def managed_instances(asked: Asked) -> str | None:
    if "MANAGED_INSTANCES" in asked.platforms and "ecsProperties" not in asked.request:
        return "ecsProperties must be provided for MANAGED_INSTANCES."
    return None


def place_of_overrides(asked: Asked) -> str | None:
    is_ecs = "ecsProperties" in asked.definition
    wrong, right = "containerOverrides", "ecsPropertiesOverride"
    if not is_ecs:
        wrong, right = right, wrong
    kind = "ecsProperties" if is_ecs else "containerProperties"
    if asked.request.get(wrong):
        return f"{wrong} should not be set for a job definition with {kind}; use {right}."
    return None


def one_override(asked: Asked) -> str | None:
    override = asked.request.get("ecsPropertiesOverride")
    if not override or "ecsProperties" not in asked.definition:
        return None
    found = only_container(override)
    if found is None:
        return "ecsPropertiesOverride: this local Batch runs jobs of one container; override one task of one container"
    registered = only_container(asked.definition["ecsProperties"])
    known = registered[1].get("name") if registered is not None else None
    if found[1].get("name") != known:
        return f"ecsPropertiesOverride names the container {found[1].get('name')!r}; the definition has {known!r}."
    return None


def image(asked: Asked) -> str | None:
    return None if asked.container.get("image") else "Container image is not provided."


def required_resources(asked: Asked) -> str | None:
    for kind, word in (("VCPU", "vCPU"), ("MEMORY", "Memory")):
        if kind not in asked.resources:
            return f"{word} is not provided."
    return None


def resource_values(asked: Asked) -> str | None:
    values = asked.resources
    try:
        vcpus, memory_mib, gpus = float(values["VCPU"]), int(values["MEMORY"]), int(values.get("GPU", 0))
    except ValueError as error:
        return f"resourceRequirements must be numbers: {error}"
    # A comparison that is false of "nan", which float() takes.
    if 0 < vcpus < float("inf") and memory_mib >= 4 and gpus >= 0:
        return None
    return f"resourceRequirements must be more than 0 vCPUs and at least 4 MiB of memory, not {values}"


def whole_vcpus_on_ec2(asked: Asked) -> str | None:
    if asked.is_on_ec2 and not float(asked.resources["VCPU"]).is_integer():
        return f"VCPU must be a whole number on EC2, not {asked.resources['VCPU']}"
    return None


def environment(asked: Asked) -> str | None:
    for entry in (*asked.container.get("environment", ()), *asked.overrides.get("environment", ())):
        if not entry.get("name"):
            return "Environment variable name is required."
        if entry["name"].startswith(RESERVED):
            return f"Environment variables cannot start with {RESERVED}, as {entry['name']} does."
    return None


def command_override(asked: Asked) -> str | None:
    if "" in asked.overrides.get("command", ()):
        return "The command of containerOverrides can't contain an empty string."
    return None


def one_platform(asked: Asked) -> str | None:
    if len(asked.platforms) <= 1:
        return None
    return f"Exactly 1 capability must be provided, not {', '.join(asked.platforms)}."


# Fargate


def execution_role(asked: Asked) -> str | None:
    if asked.is_on_fargate and not asked.container.get("executionRoleArn"):
        return "executionRoleArn is required for Fargate."
    return None


def fargate_pair(asked: Asked) -> str | None:
    if not asked.is_on_fargate:
        return None
    vcpus, memory_mib = float(asked.resources["VCPU"]), int(asked.resources["MEMORY"])
    fitting = FARGATE_MEMORY_MIB.get(vcpus)
    if fitting is not None and memory_mib in fitting:
        return None
    known = ", ".join(f"{one:g}" for one in FARGATE_MEMORY_MIB)
    rule = f"VCPU must be one of {known}" if fitting is None else f"MEMORY must be one of {_listed(fitting)}"
    return f"Fargate resource requirements ({vcpus:.2f} vCPU, {memory_mib} MiB) not valid: {rule}."


def fargate_gpu(asked: Asked) -> str | None:
    if asked.is_on_fargate and "GPU" in asked.resources:
        return "GPU is not applicable for Fargate."
    return None


def not_on_fargate(asked: Asked) -> str | None:
    if not asked.is_on_fargate:
        return None
    for place in (asked.container, asked.overrides):
        for member in ("vcpus", "memory"):
            if member in place:
                return f"{member} is not applicable for Fargate. Use resource requirements instead."
        for member in ("instanceType", "ulimits", "privileged"):
            if place.get(member):
                return f"{member} is not applicable for Fargate."
    return None


def fargate_linux_parameters(asked: Asked) -> str | None:
    if not asked.is_on_fargate:
        return None
    for member in ("devices", "sharedMemorySize", "tmpfs", "maxSwap", "swappiness"):
        if asked.container.get("linuxParameters", {}).get(member) not in (None, []):
            return f"linuxParameter.{member} is not allowed for Fargate."
    return None


def fargate_volumes(asked: Asked) -> str | None:
    for volume in asked.container.get("volumes", ()) if asked.is_on_fargate else ():
        if volume.get("host", {}).get("sourcePath"):
            return "host.sourcePath should not be set for volumes in Fargate."
    return None


def fargate_log_driver(asked: Asked) -> str | None:
    driver = asked.container.get("logConfiguration", {}).get("logDriver", FARGATE_LOG_DRIVERS[0])
    if asked.is_on_fargate and driver not in FARGATE_LOG_DRIVERS:
        return f"Log driver for Fargate is not valid: {driver}; use one of {', '.join(FARGATE_LOG_DRIVERS)}"
    return None


def ephemeral_storage(asked: Asked) -> str | None:
    size_gib = asked.container.get("ephemeralStorage", {}).get("sizeInGiB")
    return None if size_gib is None else _between("ephemeralStorage.sizeInGiB", size_gib, 21, 200)


def only_on_fargate(asked: Asked) -> str | None:
    for member in ("networkConfiguration", "fargatePlatformConfiguration") if asked.is_on_ec2 else ():
        if member in asked.container:
            return f"{member} not applicable for EC2."
    return None


# Compute environments and queues


def compute_resources(asked: Asked) -> str | None:
    if asked.request["type"] == "MANAGED" and "computeResources" not in asked.request:
        return "computeResources must be provided for a MANAGED compute environment."
    return None


def unmanaged_vcpus(asked: Asked) -> str | None:
    if asked.request["type"] != "UNMANAGED" and "unmanagedvCpus" in asked.request:
        return "unmanagedvCpus is only for an UNMANAGED compute environment."
    return None


def fargate_environment(asked: Asked) -> str | None:
    resources = asked.request.get("computeResources", {})
    if not str(resources.get("type", "")).startswith(FARGATE):
        return None
    return next((f"{member} is not applicable for Fargate." for member in OF_INSTANCES if member in resources), None)


def priority(asked: Asked) -> str | None:
    return _between("priority", asked.request.get("priority", 0), 0, 1000)


def environment_order(asked: Asked) -> str | None:
    # An update may leave the order as it is.
    if "computeEnvironmentOrder" not in asked.request and "jobQueue" in asked.request:
        return None
    count = len(asked.request.get("computeEnvironmentOrder", ()))
    if 1 <= count <= 3:
        return None
    return f"computeEnvironmentOrder needs 1 to 3 compute environments, not {count}"


def time_limit_actions(asked: Asked) -> str | None:
    for entry in asked.request.get("jobStateTimeLimitActions", ()):
        if entry["action"] != "CANCEL":
            return f"Invalid job action {entry['action']}. Valid job actions: [CANCEL]"
        message = _between("maxTimeSeconds", entry["maxTimeSeconds"], 600, 86_400)
        if message is not None:
            return message
    return None


def _between(what: str, value: int, least: int, most: int) -> str | None:
    return None if least <= value <= most else f"{what} must be between {least} and {most}, not {value}."


def _listed(numbers: Sequence[int]) -> str:
    """The numbers, or the first and last of a range with its step."""
    if isinstance(numbers, range):
        return f"{numbers[0]} to {numbers[-1]} in steps of {numbers.step}"
    return ", ".join(str(number) for number in numbers)
