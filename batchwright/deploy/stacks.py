"""CloudFormation stacks of a stage, created, changed and deleted through change sets.

Owns what a stack's status means for the next step, and what is said when one fails. Which stacks a stage has is
deployment.py's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from batchwright.deploy.account import DeployError
from batchwright.deploy.config import STAGE_TAG

POLL_SECONDS = 2.0
LOCAL_POLL_SECONDS = 0.1
WAIT_SECONDS = 3600.0
QUEUE_NAME_SECONDS = 70.0
"""A queue's name is free again 60 seconds after its deletion, or a little later:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html"""
_QUEUE_NAME_NOT_FREE = ("QueueDeletedRecently", "must wait 60 seconds after deleting a queue")
_FAILED_TO_BEGIN_OR_END = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
"""A first creation that failed, or a deletion: nothing is of use but what was retained, and there is no way but to
delete the stack."""
_EMPTY = ("REVIEW_IN_PROGRESS", *_FAILED_TO_BEGIN_OR_END)
_KEPT_KINDS = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
"""What outlives its stack."""
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class StackChange:
    """What became of a stack: `how` is created, changed or unchanged; `changes` says what of it."""

    name: str
    how: str
    changes: tuple[str, ...]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Existing:
    """A resource that is there, and what it is to become in a stack: its type there, and how its type is identified.

    `not_yet` is the part of its template that does not hold yet. CloudFormation takes for true what an import says, so
    that it would never set it.
    """

    logical_id: str
    kind: str
    identifier: Mapping[str, str]
    not_yet: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A template file."""

    path: Path
    capabilities: tuple[str, ...] = ()

    def body(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def of_existing(self, existing: Collection[Existing]) -> str:
        """The template with these resources alone, as they are, and no outputs: an import must not add any."""
        head, _, rest = self.body().partition("\nResources:\n")
        blocks = re.split(r"^(?=  \w+:\n)", rest.partition("\nOutputs:")[0], flags=re.MULTILINE)
        not_yet = {one.logical_id: one.not_yet for one in existing}
        named = [(block.strip().partition(":")[0], block) for block in blocks]
        wanted = [block.replace(not_yet[name], "") for name, block in named if name in not_yet]
        # Retained whatever happens, because CloudFormation takes up no resource that it might delete; the change that
        # follows gives each the policy of the template.
        wanted = [block.replace("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Retain") for block in wanted]
        return f"{head}\nResources:\n{''.join(wanted)}"

    def parameters(self) -> list[str]:
        """The names of its parameters."""
        document = yaml.load(self.body(), Loader=_Loader)
        return list(document.get("Parameters", {}))


class _Loader(yaml.SafeLoader):
    """YAML in which CloudFormation's short forms of functions mean nothing."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


@dataclass
class Stacks:
    """The stacks of an account and region."""

    client: Any
    poll_seconds: float = field(default=POLL_SECONDS)
    queue_name_seconds: float = QUEUE_NAME_SECONDS
    say: Callable[[str], None] = lambda line: None
    """Hears why a change takes longer."""

    def __post_init__(self) -> None:
        if self.client.meta.endpoint_url.startswith("http://127.0.0.1"):
            self.poll_seconds = LOCAL_POLL_SECONDS

    def find(self, name: str) -> dict[str, Any] | None:
        """The stack, or None. One that was only ever looked at (REVIEW_IN_PROGRESS) is there."""
        try:
            (stack,) = self.client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        found: dict[str, Any] = stack
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def has_begun(self, name: str) -> bool:
        """Whether there is a stack that can be changed; not one whose creation or deletion failed."""
        stack = self.find(name)
        return stack is not None and stack["StackStatus"] not in _EMPTY

    def check_stage(self, name: str, stage: str) -> None:
        """Raises DeployError when a stack of the name is there and is not the stage's."""
        found = self.find(name)
        if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return
        tags = {one["Key"]: one["Value"] for one in found.get("Tags", ())}
        # A stack that is made around what was kept has no tags until it is changed; every template has the parameter.
        given = {one["ParameterKey"]: one.get("ParameterValue") for one in found.get("Parameters", ())}
        whose = tags.get(STAGE_TAG, given.get("Stage"))
        if whose != stage:
            says = f"is of the stage '{whose}'" if whose else f"has no tag {STAGE_TAG}"
            raise DeployError(
                f"the stack {name} is there already and is not of the stage '{stage}': it {says}. It is left as it is; "
                "choose another --stage"
            )

    def adopt(self, name: str, template: Template, parameters: Mapping[str, str], existing: Sequence[Existing]) -> None:
        """Create the stack around resources that are there already, with nothing else yet. Raises DeployError."""
        self.ready(name)
        change_set = f"batchwright-{time.time_ns()}"
        self.client.create_change_set(
            StackName=name,
            ChangeSetName=change_set,
            ChangeSetType="IMPORT",
            TemplateBody=template.of_existing(existing),
            Parameters=_given(template, parameters, None),
            ResourcesToImport=[
                {
                    "ResourceType": one.kind,
                    "LogicalResourceId": one.logical_id,
                    "ResourceIdentifier": dict(one.identifier),
                }
                for one in existing
            ],
        )
        self._changes(name, change_set)
        self.client.execute_change_set(StackName=name, ChangeSetName=change_set)
        self._wait(name, "made around what was kept")

    def apply(
        self, name: str, template: Template, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> StackChange:
        """Create the stack or bring it to what the template says; parameters that are not given stay as they are. A
        name of a queue that was just deleted is waited for. Raises DeployError."""
        try:
            return self._apply(name, template, parameters, tags)
        except DeployError as error:
            if not any(text in str(error) for text in _QUEUE_NAME_NOT_FREE):
                raise
        self.say(f"stack {name}: SQS keeps the name of a deleted queue for a minute; trying again after that")
        # CloudFormation has rolled the failed creation back by now, so the minute begins here.
        time.sleep(self.queue_name_seconds)
        return self._apply(name, template, parameters, tags)

    def _apply(
        self, name: str, template: Template, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> StackChange:
        stack = self.ready(name)
        creates = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        change_set = f"batchwright-{time.time_ns()}"
        self.client.create_change_set(
            StackName=name,
            ChangeSetName=change_set,
            ChangeSetType="CREATE" if creates else "UPDATE",
            TemplateBody=template.body(),
            Parameters=_given(template, parameters, None if creates else stack),
            Capabilities=list(template.capabilities),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        changes = self._changes(name, change_set)
        if changes is None:
            self.client.delete_change_set(StackName=name, ChangeSetName=change_set)
            return StackChange(name, "unchanged", (), outputs_of(stack))
        self.client.execute_change_set(StackName=name, ChangeSetName=change_set)
        done = self._wait(name, "created" if creates else "changed")
        return StackChange(name, "created" if creates else "changed", changes, outputs_of(done))

    def delete(self, name: str) -> bool:
        """Delete the stack and wait for its end; whether there was one. Raises DeployError."""
        stack = self.find(name)
        if stack is None:
            return False
        identity = stack["StackId"]
        if not stack["StackStatus"].startswith("DELETE_IN_PROGRESS"):
            self.client.delete_stack(StackName=name)
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            # First the pause: a stack whose deletion failed before says so until the new one has begun.
            self._pause(deadline, name)
            now = self.find(identity)
            if now is None:
                return True
            if now["StackStatus"] == "DELETE_FAILED":
                raise DeployError(f"the stack {name} could not be deleted: {self._first_failure(identity)}")

    def resources(self, name: str, kind: str) -> list[str]:
        """The physical ids of a stack's resources of a type that have not been deleted."""
        pages = self.client.get_paginator("list_stack_resources").paginate(StackName=name)
        found = [one for page in pages for one in page["StackResourceSummaries"] if one["ResourceType"] == kind]
        there = [one for one in found if one["ResourceStatus"] != "DELETE_COMPLETE"]
        return [one["PhysicalResourceId"] for one in there if one.get("PhysicalResourceId")]

    def ready(self, name: str) -> dict[str, Any] | None:
        """The stack in a state from which it can be changed; None for one to be created. One that a failed creation or
        deletion left is deleted first. Raises DeployError."""
        stack = self.find(name)
        if stack is None:
            return None
        status = stack["StackStatus"]
        if status in _FAILED_TO_BEGIN_OR_END:
            self.delete(name)
            return None
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            raise DeployError(
                f"the stack {name} is being changed by somebody else ({status}): try again when that is over"
            )
        if status.endswith("_FAILED"):
            raise DeployError(
                f"the stack {name} is in {status} ({stack.get('StackStatusReason', 'no reason given')}): continue its "
                "rollback in the CloudFormation console, then deploy again"
            )
        return stack

    def _changes(self, name: str, change_set: str) -> tuple[str, ...] | None:
        """What the change set would do, once it is ready; None for nothing."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = self.client.describe_change_set(StackName=name, ChangeSetName=change_set)
            reason = found.get("StatusReason", "")
            if found["Status"] == "FAILED":
                if any(text in reason for text in _NOTHING):
                    return None
                raise DeployError(f"the stack {name} cannot become what its template says: {reason}")
            if found["Status"] == "CREATE_COMPLETE":
                break
            self._pause(deadline, name)
        pages = self.client.get_paginator("describe_change_set").paginate(StackName=name, ChangeSetName=change_set)
        changes = [one["ResourceChange"] for page in pages for one in page["Changes"] if "ResourceChange" in one]
        return tuple(f"{one['Action'].lower()} {one['LogicalResourceId']} ({one['ResourceType']})" for one in changes)

    def _wait(self, name: str, wanted: str) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            self._pause(deadline, name)
            stack = self.find(name)
            status = stack["StackStatus"] if stack else "gone"
            if stack and status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
                return stack
            if not status.endswith("IN_PROGRESS"):
                raise DeployError(f"the stack {name} could not be {wanted}: {self._first_failure(name)} ({status})")

    def _first_failure(self, name: str) -> str:
        """The reason of the first resource that failed in the last operation; the others only follow from it."""
        reason = "CloudFormation gives no reason"
        for page in self.client.get_paginator("describe_stack_events").paginate(StackName=name):
            for event in page["StackEvents"]:
                text = event.get("ResourceStatusReason", "")
                if event["ResourceStatus"].endswith("_FAILED") and text and "cancelled" not in text:
                    reason = f"{event['LogicalResourceId']} ({event['ResourceType']}): {text}"
                begins = event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
                if begins and event["ResourceType"] == "AWS::CloudFormation::Stack":
                    return _with_advice(self._in_full(name, reason))
        return _with_advice(self._in_full(name, reason))

    def _in_full(self, name: str, reason: str) -> str:
        """The reason, or what it refers to: of what CloudFormation finds wrong with a template before it makes a thing,
        a stack's events say no more than that there is something."""
        if not reason.partition("): ")[2].startswith("Validation failed"):
            return reason
        try:
            events = self.client.describe_events(StackName=name)["OperationEvents"]
        except ClientError:
            return reason
        found = [one for one in events if one.get("ValidationStatusReason")]
        texts = [
            f"{one['LogicalResourceId']} ({one['ResourceType']}): {one['ValidationStatusReason']}" for one in found
        ]
        return "; ".join(dict.fromkeys(texts)) or reason

    def _pause(self, deadline: float, name: str) -> None:
        if time.monotonic() > deadline:
            raise DeployError(f"the stack {name} is not done after {WAIT_SECONDS / 60:.0f} minutes; look at its events")
        time.sleep(self.poll_seconds)


def outputs_of(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """A stack's outputs by name."""
    return {one["OutputKey"]: one["OutputValue"] for one in (stack or {}).get("Outputs", ())}


def _given(template: Template, parameters: Mapping[str, str], stack: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The parameters of a change set: those given, then those that the stack has."""
    has = {one["ParameterKey"] for one in stack.get("Parameters", ())} if stack else set()
    given: list[dict[str, Any]] = []
    for name in template.parameters():
        if name in parameters:
            given.append({"ParameterKey": name, "ParameterValue": parameters[name]})
        elif name in has:
            given.append({"ParameterKey": name, "UsePreviousValue": True})
    return given


def _with_advice(reason: str) -> str:
    if "already exist" not in reason:
        return reason
    if any(f"({kind})" in reason for kind in _KEPT_KINDS):
        return (
            f"{reason}; the name is taken: choose another --stage. If an earlier life of this stage left it, it holds "
            "the stage's data, so do not delete it: `batchwright destroy --keep-data` removes the rest, and the next "
            "deployment takes it up"
        )
    return f"{reason}; the name is taken: choose another --stage, or remove what has it"
