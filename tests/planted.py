"""Event documents with a secret in every field that can hold one, each secret another, so that a find names its field.

What is shown on purpose holds none: ids, names, queue and definition, reasons, log streams, exit codes, times.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parent / "data" / "events"
MARK = "planted-secret"


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """The event documents of the tests, by their names, as they are."""
    for path in sorted(EVENTS.rglob("*.json")):
        yield path.stem, json.loads(path.read_text(encoding="utf-8"))


def planted(document: dict[str, Any]) -> dict[str, Any]:
    """A copy with secrets in all that can hold one, be it there before or not."""
    event = copy.deepcopy(document)
    event["a-field-of-the-future"] = secret("envelope")
    detail = event["detail"]
    detail["container"] = _container(detail.get("container") or {}, "container")
    for number, tried in enumerate(detail.get("attempts") or ()):
        _in_try(tried, f"attempts.{number}")
    for number, tried in enumerate(detail.get("eksAttempts") or ()):
        _in_try(tried, f"eksAttempts.{number}")
    detail["parameters"] = {**detail.get("parameters", {}), secret("parameter.name"): secret("parameter.value")}
    detail["tags"] = {**detail.get("tags", {}), secret("tag.name"): secret("tag.value")}
    detail["retryStrategy"] = {
        "attempts": 1,
        "evaluateOnExit": [{"onReason": secret("evaluateOnExit"), "onStatusReason": secret("evaluateOnExit.status")}],
    }
    detail["nodeProperties"] = _nodes(detail.get("nodeProperties"))
    detail["ecsProperties"] = _ecs(detail.get("ecsProperties"), "ecs")
    detail["eksProperties"] = _eks(detail.get("eksProperties"))
    detail["consumableResourceProperties"] = {"consumableResourceList": [{"consumableResource": secret("consumable")}]}
    detail["shareIdentifier"] = secret("shareIdentifier")
    detail["dependsOn"] = [*(detail.get("dependsOn") or ()), {"jobId": secret("dependsOn"), "type": secret("type")}]
    detail["aFieldOfTheFuture"] = {"nested": [secret("future")]}
    return event


def malformed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Documents in which one field that can hold a secret is of a type that Batch never gives it, by that field."""
    for field in ("container", "parameters", "attempts", "eksAttempts", "tags", "nodeProperties", "ecsProperties"):
        for kind, value in _wrong(field):
            event = planted(document)
            event["detail"][field] = value
            yield f"{field}-{kind}", event
    for field in ("environment", "secrets", "command", "resourceRequirements", "mountPoints", "logConfiguration"):
        for kind, value in _wrong(field):
            event = planted(document)
            event["detail"]["container"][field] = value
            yield f"container.{field}-{kind}", event


def secret(place: str) -> str:
    """The secret of a place."""
    return f"{MARK}:{place}"


def finds(text: str) -> set[str]:
    """The places whose secrets a text holds."""
    return {part.split('"')[0].split("'")[0][:60] for part in text.split(f"{MARK}:")[1:]} | (
        {"a part of one"} if MARK in text.replace(f"{MARK}:", "") else set()
    )


def _wrong(field: str) -> Iterator[tuple[str, Any]]:
    held = secret(f"malformed.{field}")
    yield "text", held
    yield "list", [held, [held], {held: held}]
    yield "object", {held: held, "value": held, "type": {"VCPU": held}}
    yield "objects", [{"name": held, "value": {held: held}, "container": held, "type": "VCPU"}]


def _container(container: dict[str, Any], place: str) -> dict[str, Any]:
    def held(what: str) -> str:
        return secret(f"{place}.{what}")

    requirements = [*container.get("resourceRequirements", ()), {"type": "VCPU", "value": held("requirement")}]
    return {
        **container,
        "image": f"registry.example/{held('image')}",
        "command": [*container.get("command", ()), held("command")],
        "environment": [
            *container.get("environment", ()),
            {"name": "PASSWORD", "value": held("environment.value")},
            {"name": held("environment.name"), "value": "x"},
            {"name": "MANAGED_BY_AWS", "value": held("environment.managed")},
        ],
        "secrets": [{"name": held("secrets.name"), "valueFrom": held("secrets.valueFrom")}],
        "mountPoints": [{"containerPath": held("mountPoint"), "sourceVolume": held("mountPoint.volume")}],
        "volumes": [{"name": "v", "host": {"sourcePath": held("volume")}}],
        "ulimits": [{"name": held("ulimit"), "softLimit": 1, "hardLimit": 1}],
        "user": held("user"),
        "logConfiguration": {
            "logDriver": "splunk",
            "options": {"splunk-token": held("log.option")},
            "secretOptions": [{"name": "t", "valueFrom": held("log.secretOption")}],
        },
        "repositoryCredentials": {"credentialsParameter": held("repositoryCredentials")},
        "linuxParameters": {"tmpfs": [{"containerPath": held("tmpfs"), "size": 1, "mountOptions": [held("mount")]}]},
        "resourceRequirements": requirements,
        "jobRoleArn": held("jobRole"),
        "executionRoleArn": held("executionRole"),
        "networkInterfaces": [{"privateIpv4Address": held("address")}],
    }


def _in_try(tried: dict[str, Any], place: str) -> None:
    if isinstance(tried.get("container"), dict):
        tried["container"] = {**tried["container"], "environment": [{"name": "P", "value": secret(f"{place}.env")}]}
        tried["container"]["networkInterfaces"] = [{"privateIpv4Address": secret(f"{place}.address")}]
    for task in tried.get("taskProperties") or ():
        for container in task.get("containers") or ():
            container["environment"] = [{"name": "P", "value": secret(f"{place}.task.env")}]
            container["command"] = [secret(f"{place}.task.command")]
    for container in tried.get("containers") or ():
        container["env"] = [{"name": "P", "value": secret(f"{place}.pod.env")}]


def _nodes(nodes: dict[str, Any] | None) -> dict[str, Any]:
    found = copy.deepcopy(nodes) or {"numNodes": 1, "mainNode": 0, "nodeRangeProperties": [{"targetNodes": "0:"}]}
    for one in found["nodeRangeProperties"]:
        one["container"] = _container(one.get("container") or {}, "node")
        one["ecsProperties"] = _ecs(None, "node.ecs")
    if nodes is None:
        # A number of nodes would make another kind of job of it.
        del found["numNodes"]
    return found


def _ecs(ecs: dict[str, Any] | None, place: str) -> dict[str, Any]:
    tasks = (copy.deepcopy(ecs) or {}).get("taskProperties") or [{"containers": [{"name": "main"}]}]
    for task in tasks:
        task["containers"] = [_container(one, place) for one in task["containers"]]
        task["volumes"] = [{"name": "v", "host": {"sourcePath": secret(f"{place}.task.volume")}}]
    return {"taskProperties": tasks}


def _eks(eks: dict[str, Any] | None) -> dict[str, Any]:
    pod = (copy.deepcopy(eks) or {}).get("podProperties") or {"containers": [{"name": "main"}]}
    for one in pod["containers"]:
        one["env"] = [*one.get("env", ()), {"name": secret("eks.env.name"), "value": secret("eks.env.value")}]
        one["command"], one["args"] = [secret("eks.command")], [secret("eks.args")]
        one["volumeMounts"] = [{"name": secret("eks.mount"), "mountPath": secret("eks.mount.path")}]
        one["securityContext"] = {"runAsUser": secret("eks.user")}
        one["resources"] = {**one.get("resources", {}), "requests": {"cpu": secret("eks.cpu")}}
    pod["volumes"] = [{"name": "v", "secret": {"secretName": secret("eks.volume.secret")}}]
    pod["imagePullSecrets"] = [{"name": secret("eks.imagePullSecret")}]
    pod["metadata"] = {"labels": {"l": secret("eks.label")}, "annotations": {"a": secret("eks.annotation")}}
    pod["serviceAccountName"] = secret("eks.serviceAccount")
    return {"podProperties": pod}
