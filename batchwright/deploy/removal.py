"""Removes a stage: what was made for it, in the order in which nothing is used by what is still there.

The functions first, so that nothing writes any more; then the schedules, the stacks, and what the stacks retain: the
table and the bucket, unless they are to be kept. At the end it looks once more for all that bears the stage's name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from batchwright.deploy.account import Account, DeployError, gone_is_fine
from batchwright.deploy.config import STAGE_VARIABLE, ChaliceConfig
from batchwright.deploy.deployment import AUTH_VARIABLE, TEMPLATES, XRAY_VARIABLE, stack_names
from batchwright.deploy.functions import RECORD_KEY, Functions
from batchwright.deploy.leftovers import Leftovers, log_groups
from batchwright.deploy.policies import GRANTS, Place
from batchwright.deploy.stacks import Stacks
from batchwright.stage.foundation import VARIABLE_NAMES
from chalicelib.core.concurrency import COMMANDS_CONCURRENCY, EVENTS_CONCURRENCY
from chalicelib.core.notice.webhook_address import VARIABLE as SLACK_VARIABLE

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A stage as it lies in an account, to be removed."""

    account: Account
    place: Place
    project: Path

    @property
    def stacks(self) -> Stacks:
        return Stacks(self.account.client("cloudformation"))

    @property
    def bucket(self) -> str:
        return f"{self.place.prefix}-{self.place.account}-{self.place.region}"

    def what_is_there(self) -> list[str]:
        """Everything on AWS that bears the stage's name, in words."""
        found = [f"stack {name}" for name in self._stack_names() if self.stacks.find(name)]
        for function in GRANTS:
            name = self.place.function_name(function)
            if self.account.has("lambda", "get_function_configuration", FunctionName=name):
                found.append(f"function {name}")
        found += [f"role {role}" for role in Leftovers(self.account, self.place).roles()]
        found += [f"log group {name}" for name in self._log_groups()]
        if self.account.has("dynamodb", "describe_table", TableName=self.place.prefix):
            found.append(f"table {self.place.prefix}")
        if self.account.has("s3", "head_bucket", Bucket=self.bucket):
            found.append(f"bucket {self.bucket}")
        return found

    def remove(self, say: Say, *, keep_data: bool) -> list[str]:
        """Remove the stage; what it could not. `say` hears of everything that was removed. Raises DeployError."""
        for name in self._stack_names():
            self.stacks.check_stage(name, self.place.stage)
        functions = Functions(self.account, self.place, self.project, self.bucket)
        if functions.delete(say):
            say("functions: removed, with their roles, triggers and API")
        self._delete_schedules(say)
        for name in reversed(self._stack_names()):
            if self.stacks.find(name):
                say(f"stack {name}: deleting")
                self.stacks.delete(name)
                say(f"stack {name}: removed")
        self._delete_log_groups(say)
        if keep_data:
            self._forget_deployment()
        else:
            self._delete_table(say)
            self._delete_bucket(say)
        left = [one for one in self.what_is_there() if not keep_data or not one.startswith(("table ", "bucket "))]
        for one in self.clean_clone():
            say(f"here: removed {one}")
        return left

    def clean_clone(self) -> list[str]:
        """Take out of this clone what the deployment wrote there; what that was."""
        own = (STAGE_VARIABLE, AUTH_VARIABLE, XRAY_VARIABLE, SLACK_VARIABLE, EVENTS_CONCURRENCY, COMMANDS_CONCURRENCY)
        variables = (*own, *VARIABLE_NAMES)
        return ChaliceConfig(self.project / ".chalice").remove_stage(self.place.stage, variables)

    def _stack_names(self) -> list[str]:
        names = stack_names(self.place)
        return [names[name] for name in TEMPLATES]

    def _delete_schedules(self, say: Say) -> None:
        """The schedules of workflows, which are in a group of the foundation but no part of its stack."""
        name = self.place.prefix
        if self.stacks.find(name) is None:
            return
        scheduler = self.account.client("scheduler")
        for group in self.stacks.resources(name, "AWS::Scheduler::ScheduleGroup"):
            schedules: list[str] = []
            with gone_is_fine():
                pages = scheduler.get_paginator("list_schedules").paginate(GroupName=group)
                schedules = [one["Name"] for page in pages for one in page["Schedules"]]
            for schedule in schedules:
                with gone_is_fine():
                    scheduler.delete_schedule(GroupName=group, Name=schedule)
            if schedules:
                say(f"schedules: removed {len(schedules)}")

    def _log_groups(self) -> list[str]:
        return list(log_groups(self.account, self.place).values())

    def _delete_log_groups(self, say: Say) -> None:
        """Those that Lambda made by itself, because a function ran before the stack was there or after it was gone."""
        for name in self._log_groups():
            with gone_is_fine():
                self.account.client("logs").delete_log_group(logGroupName=name)
            say(f"log group {name}: removed")

    def _forget_deployment(self) -> None:
        """The next deployment finds the data and nothing else; the record of the old one would mislead it."""
        with contextlib.suppress(ClientError):
            self.account.client("s3").delete_object(Bucket=self.bucket, Key=RECORD_KEY)

    def _delete_table(self, say: Say) -> None:
        dynamodb = self.account.client("dynamodb")
        if not self.account.has("dynamodb", "describe_table", TableName=self.place.prefix):
            return
        with gone_is_fine():
            dynamodb.delete_table(TableName=self.place.prefix)
        dynamodb.get_waiter("table_not_exists").wait(TableName=self.place.prefix)
        say(f"table {self.place.prefix}: removed")

    def _delete_bucket(self, say: Say) -> None:
        if not self.account.has("s3", "head_bucket", Bucket=self.bucket):
            return
        s3 = self.account.client("s3")
        removed = 0
        # Versions too, should somebody have switched versioning on.
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            objects = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for kind in ("Versions", "DeleteMarkers")
                for one in page.get(kind, ())
            ]
            if objects:
                answer = s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
                if errors := answer.get("Errors"):
                    first = errors[0]
                    raise DeployError(
                        f"{first['Key']} in {self.bucket} could not be deleted: {first.get('Message', '')}"
                    )
                removed += len(objects)
        with gone_is_fine():
            s3.delete_bucket(Bucket=self.bucket)
        say(f"bucket {self.bucket}: removed, with {removed:,} objects")
