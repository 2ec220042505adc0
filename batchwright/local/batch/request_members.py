"""What this server does with each member of a request: carry it out, only show it, or refuse it.

Owns: the table, and the refusal of what is not carried out. A member that the table does not have is refused, so that
a newer model of Batch never brings a member that is accepted and ignored. An entry stands for all that is below it;
the longest entry counts. Lists are left out of the names: `taskProperties.containers` is a member of each task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from batchwright.local.batch.errors import ClientError

CARRIED_OUT = "carried out"
SHOWN = "shown"
"""The member is kept, shown by Describe operations, and changes nothing. docs/reference/local-batch.md lists these."""

Entries = Mapping[str, str]
"""By member: CARRIED_OUT, SHOWN, or why it is refused."""

NO_NODES = "does not run multi-node jobs; use containerProperties"
NO_EKS = "does not run jobs on EKS; use containerProperties"
NO_CONSUMABLES = "has no consumable resources; leave it out"
NO_SHARES = "has no queue with a fair-share scheduling policy; leave it out"
NO_SERVICES = "has no service environments; use computeEnvironmentOrder"
ONE_CONTAINER = "runs jobs of one container; leave it out"


def _below(place: str, carried_out: str, shown: str) -> dict[str, str]:
    """Entries of members of one place, each list as words."""
    return {
        **{f"{place}.{name}": CARRIED_OUT for name in carried_out.split()},
        **{f"{place}.{name}": SHOWN for name in shown.split()},
    }


def _plain(carried_out: str, shown: str = "") -> dict[str, str]:
    return {**dict.fromkeys(carried_out.split(), CARRIED_OUT), **dict.fromkeys(shown.split(), SHOWN)}


MEMBERS: Mapping[str, Entries] = {
    "RegisterJobDefinition": {
        **_plain(
            "jobDefinitionName type parameters retryStrategy propagateTags timeout tags platformCapabilities",
            "schedulingPriority",
        ),
        **_below(
            "containerProperties",
            "image vcpus memory command environment resourceRequirements logConfiguration",
            "jobRoleArn executionRoleArn volumes mountPoints readonlyRootFilesystem privileged ulimits user"
            " instanceType linuxParameters secrets networkConfiguration fargatePlatformConfiguration"
            " enableExecuteCommand ephemeralStorage runtimePlatform repositoryCredentials",
        ),
        **_below(
            "ecsProperties.taskProperties",
            "",
            "ephemeralStorage executionRoleArn platformVersion ipcMode taskRoleArn pidMode networkConfiguration"
            " runtimePlatform volumes enableExecuteCommand networkMode",
        ),
        **_below(
            "ecsProperties.taskProperties.containers",
            "name image command environment resourceRequirements logConfiguration essential",
            "linuxParameters mountPoints privileged readonlyRootFilesystem repositoryCredentials secrets ulimits user"
            " startTimeout stopTimeout",
        ),
        "ecsProperties.taskProperties.containers.dependsOn": ONE_CONTAINER,
        "ecsProperties.taskProperties.containers.firelensConfiguration": ONE_CONTAINER,
        "nodeProperties": NO_NODES,
        "eksProperties": NO_EKS,
        "consumableResourceProperties": NO_CONSUMABLES,
    },
    "SubmitJob": {
        **_plain(
            "jobName jobQueue jobDefinition arrayProperties dependsOn parameters retryStrategy propagateTags timeout"
            " tags ecsPropertiesOverride",
            "schedulingPriorityOverride",
        ),
        **_below("containerOverrides", "vcpus memory command environment resourceRequirements", "instanceType"),
        "nodeOverrides": "does not run multi-node jobs; use containerOverrides",
        "eksPropertiesOverride": "does not run jobs on EKS; use containerOverrides",
        "consumableResourcePropertiesOverride": NO_CONSUMABLES,
        "shareIdentifier": NO_SHARES,
    },
    "CreateComputeEnvironment": {
        **_plain(
            "computeEnvironmentName type state unmanagedvCpus tags computeResources.type computeResources.maxvCpus",
            "computeResources serviceRole context ecsSettings",
        ),
        "eksConfiguration": "does not run jobs on EKS; leave it out",
    },
    "UpdateComputeEnvironment": {
        **_plain(
            "computeEnvironment state unmanagedvCpus computeResources.type computeResources.maxvCpus",
            "computeResources serviceRole context ecsSettings updatePolicy",
        ),
        "eksConfiguration": "does not run jobs on EKS; leave it out",
    },
    "CreateJobQueue": {
        **_plain("jobQueueName state priority computeEnvironmentOrder tags", "jobStateTimeLimitActions jobQueueType"),
        "schedulingPolicyArn": "has no fair-share scheduling; leave it out",
        "serviceEnvironmentOrder": NO_SERVICES,
    },
    "UpdateJobQueue": {
        **_plain("jobQueue state priority computeEnvironmentOrder", "jobStateTimeLimitActions"),
        "schedulingPolicyArn": "has no fair-share scheduling; leave it out",
        "serviceEnvironmentOrder": NO_SERVICES,
    },
}
"""By operation. The members of other operations are few, and all are carried out."""

OPEN = ("parameters", "tags", "options")
"""Members whose keys are the caller's own, not Batch's."""


def check_members(operation: str, request: Mapping[str, Any]) -> None:
    """Raise ClientError if `request` has a member that this server neither carries out nor shows."""
    entries = MEMBERS.get(operation)
    if entries is None:
        return
    for member in members_of(request):
        why = treatment(entries, member)
        if why not in (CARRIED_OUT, SHOWN):
            raise ClientError(f"{member}: this local Batch {why}")


def treatment(entries: Entries, member: str) -> str:
    """CARRIED_OUT, SHOWN, or why the member is refused."""
    place = member
    while place not in entries:
        place, dot, _ = place.rpartition(".")
        if not dot:
            return "does not know this member; leave it out"
    return entries[place]


def members_of(value: Any, place: str = "") -> Iterator[str]:
    """The members that a request gives a value, by name."""
    if isinstance(value, Mapping) and value and place.rpartition(".")[2] not in OPEN:
        for name, member in value.items():
            yield from members_of(member, f"{place}.{name}" if place else name)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for member in value:
            yield from members_of(member, place)
    elif value not in ({}, []):
        yield place
