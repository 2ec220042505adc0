"""One container, from a definition and what a job changes of it.

Owns: how definition, overrides and parameters become the container that runs, whether the definition has it as
`containerProperties` or as the only container of `ecsProperties`. Checks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchwright.local.batch.jobs import Resources

PARAMETER = "Ref::"
# What a container's document always has, empty or not.
ALWAYS_LISTED = ("volumes", "environment", "mountPoints", "ulimits", "networkInterfaces", "secrets")
OF_TASK = ("ephemeralStorage", "executionRoleArn", "networkConfiguration", "runtimePlatform", "volumes")
OF_TASK_ONLY = ("name", "essential", "startTimeout", "stopTimeout", "dependsOn", "firelensConfiguration")
"""The members of a task's container that containerProperties do not have."""
DEFAULT_NAME = "default"

Document = dict[str, Any]


def container_of(definition: Mapping[str, Any]) -> Document:
    """The definition's container, in the shape of containerProperties; empty if it has not exactly one."""
    if "containerProperties" in definition:
        return dict(definition["containerProperties"])
    found = only_container(definition.get("ecsProperties", {}))
    if found is None:
        return {}
    task, container = found
    made = {key: value for key, value in container.items() if key not in OF_TASK_ONLY}
    made |= {key: task[key] for key in OF_TASK if key in task}
    if "taskRoleArn" in task:
        made["jobRoleArn"] = task["taskRoleArn"]
    if "platformVersion" in task:
        made["fargatePlatformConfiguration"] = {"platformVersion": task["platformVersion"]}
    return made


def overrides_of(request: Mapping[str, Any]) -> Document:
    """What a job changes of its container, wherever the request says it."""
    found = only_container(request.get("ecsPropertiesOverride", {}))
    return {**request.get("containerOverrides", {}), **(found[1] if found is not None else {})}


def only_container(properties: Mapping[str, Any]) -> tuple[Document, Document] | None:
    """The task and the container of ecsProperties or their override; None if there are more or none."""
    tasks: Sequence[Document] = properties.get("taskProperties", ())
    containers: Sequence[Document] = tasks[0].get("containers", ()) if len(tasks) == 1 else ()
    return (tasks[0], containers[0]) if len(containers) == 1 else None


def merge_container(
    properties: Mapping[str, Any], overrides: Mapping[str, Any], parameters: Mapping[str, str]
) -> Document:
    """The container as it will run, in the API's shape."""
    command = overrides.get("command") or properties.get("command", [])
    container: Document = {
        "image": properties["image"],
        "command": [substitute(argument, parameters) for argument in command],
    }
    for key in ALWAYS_LISTED:
        container[key] = properties.get(key, [])
    container["environment"] = _last_wins(
        [*properties.get("environment", []), *overrides.get("environment", [])], "name"
    )
    container["resourceRequirements"] = merge_requirements(properties, overrides)
    for key, value in properties.items():
        if key not in ("vcpus", "memory"):
            container.setdefault(key, value)
    if "instanceType" in overrides:
        container["instanceType"] = overrides["instanceType"]
    return container


def merge_requirements(properties: Mapping[str, Any], overrides: Mapping[str, Any]) -> list[Document]:
    """resourceRequirements of both, the override's winning; the old vcpus and memory members count as well."""
    return _last_wins([*requirements(properties), *requirements(overrides)], "type")


def requirements(container: Mapping[str, Any]) -> list[Document]:
    """resourceRequirements of a container; its old vcpus and memory count as well."""
    old = (("vcpus", "VCPU"), ("memory", "MEMORY"))
    entries = [{"value": str(container[key]), "type": kind} for key, kind in old if key in container]
    return [*entries, *container.get("resourceRequirements", [])]


def substitute(argument: str, parameters: Mapping[str, str]) -> str:
    """`Ref::name` becomes the parameter's value when it is the whole argument and the parameter is known."""
    if argument.startswith(PARAMETER):
        return parameters.get(argument[len(PARAMETER) :], argument)
    return argument


def read_resources(container: Mapping[str, Any]) -> Resources:
    """The numbers of resourceRequirements, which request_rules.py has checked."""
    values = {entry["type"]: entry["value"] for entry in container["resourceRequirements"]}
    return Resources(round(float(values["VCPU"]) * 1000), int(values["MEMORY"]), int(values.get("GPU", 0)))


def _last_wins(entries: Sequence[Mapping[str, Any]], key: str) -> list[Document]:
    chosen: dict[str, Document] = {}
    for entry in entries:
        chosen[entry.get(key, "")] = dict(entry)
    return list(chosen.values())
