"""The app's functions on a local AWS, called here, each with its own role: what its policy does not allow is refused.

Twice: by the judge of tests/iam.py before a call is sent, which also notes it, and by MiniStack, which holds the role
that signed to its policy. They evaluate policies and read ARNs each in its own way, and share but the reading of
conditions. Calls of Batch are judged by the first alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ReadTimeoutError

from batchwright.deploy.policies import Place
from batchwright.local.functions import Functions, QueueSource, ScheduleSource
from batchwright.local.isolation import client, enter
from batchwright.local.prepare import prepare
from batchwright.local.stack import STAGE, LocalAws
from chalicelib import wiring
from chalicelib.api.inprocess.direct import DirectApi
from chalicelib.aws.clients import clients
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.definition.model import Workflow
from chalicelib.core.notice.webhook_address import VARIABLE as WEBHOOK_VARIABLE
from chalicelib.core.notice.webhook_address import Keeper, WebhookPlace
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.schedules.placement import push_workflow
from chalicelib.wiring import Wired
from tests.enforcing import enforcing
from tests.functional.commands import SHELL, wait_until
from tests.functional.roles import Roles
from tests.iam import Call, Judge

WEBHOOK = WebhookPlace(Keeper.SSM, f"/batchwright-{STAGE}/slack")
PLACE = Place(STAGE, "000000000000", "us-east-1", event_bus="default", slack_webhook=WEBHOOK)
SLACK = {WEBHOOK_VARIABLE: str(WEBHOOK), wiring.SLACK_LOOPBACK: "1"}
SOON = {"BATCHWRIGHT_LEASE_SECONDS": "1", "BATCHWRIGHT_SWEEP_SECONDS": "1", "BATCHWRIGHT_QUIET_SECONDS": "1"}
METHOD_ARN = PLACE.arn("execute-api", "api/api/GET/runs")
SWEEP = ScheduleSource("sweep", "rate(5 minutes)")

Answer = TypeVar("Answer")


class JudgedApp:
    """The functions, their roles, their queues, and the judge; made by `judged_app`.

    `denied`: the function and the message of each refusal by MiniStack.
    """

    def __init__(self, aws: LocalAws, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.aws = aws
        self.judge = Judge(PLACE)
        self.roles = Roles(PLACE, aws.environment)
        self.denied: list[tuple[str, str]] = []
        self.lose_next_submission = False
        self.scheduler_is_down = False
        self._folder = folder
        self._functions = Functions()
        self._sqs = client("sqs", aws.environment)
        self._urls = {
            "on_events": aws.environment["BATCHWRIGHT_EVENTS_QUEUE_URL"],
            "on_commands": aws.environment["BATCHWRIGHT_COMMANDS_QUEUE_URL"],
        }
        patch.setattr(wiring, "wired", lambda arn="": self.wired)
        patch.setattr(sys.modules["app"], "wired", lambda arn="": self.wired)
        self._session = self.roles.session()
        self.judge.listen(self._session)
        self._session.events.register("after-call", self._note)
        self._session.events.register("after-call.batch.SubmitJob", self._lose)
        self._session.events.register("before-call.scheduler", self._close)
        self._clients = clients(self._session)
        self._lock_topic()
        self.cool()

    def cool(self) -> None:
        """Make of every function one that has met nothing yet, as Lambda starts them."""
        self._wired: dict[str, Wired] = {}

    @property
    def wired(self) -> Wired:
        """What the running function stands on: what one has read, no other knows."""
        name = self.roles.wearing
        if name not in self._wired:
            self._wired[name] = wiring.wire(os.environ, self._clients)
        return self._wired[name]

    def push(self, name: str, tasks: Mapping[str, Any], **more: Any) -> None:
        """Push a workflow of shell commands, with the queues and definitions that it names, and `more` of its keys."""
        definition = {"name": name, "defaults": SHELL, "tasks": tasks, **more}
        plan = compile_workflow(Workflow.model_validate(definition))
        revisions = prepare(self.aws.environment, plan, {}, self._folder)
        push_workflow(self.wired.world, name, definition, plan, revisions=revisions, keep_schedules=True)

    def start(self, name: str) -> str:
        """Start a run through the function; its id."""
        run_id: str = self._as("start", lambda: self._functions.invoke("start", {"workflow": name}))["run_id"]
        return run_id

    def sweep(self) -> None:
        self._as("sweep", lambda: self._functions.invoke_on_schedule(SWEEP))

    def take(self, function: str, *, receipts: int | None = None, wait_seconds: int = 0) -> bool:
        """Hand what its queue holds to a function; whether that was anything. `receipts` stands in for SQS's count."""
        # Lambda receives with the function's role.
        messages = self._as(function, lambda: self.messages(function, wait_seconds))
        for message in messages:
            message["Attributes"]["ApproximateReceiveCount"] = str(receipts or 1)
        if messages:
            source = QueueSource(function, function, 10)
            self._as(function, lambda: self._functions.invoke_with_messages(source, messages))
        return bool(messages)

    def messages(self, function: str, wait_seconds: int = 0) -> list[Any]:
        """Take what a function's queue holds, without handling it: as if it were lost."""
        answer = self._clients.sqs.receive_message(
            QueueUrl=self._urls[function], MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=wait_seconds
        )
        found: list[Any] = answer.get("Messages", [])
        return found

    def drop(self, function: str, messages: list[Any]) -> None:
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._urls[function], ReceiptHandle=message["ReceiptHandle"])

    def send(self, function: str, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._urls[function], MessageBody=body)

    def run_to_its_end(self, run_id: str, *, swept: bool = False) -> str:
        """Let the functions work until the run has ended; how."""

        def has_ended() -> bool:
            self.take("on_events", wait_seconds=1)
            self.take("on_commands")
            if swept:
                self.sweep()
            return self.state_of(run_id) not in ("running", "cancelling", "paused")

        wait_until(has_ended, f"the end of {run_id}")
        return self.state_of(run_id)

    def state_of(self, run_id: str) -> str:
        run = self.wired.world.store.run(run_id)
        assert run is not None
        return str(run.state)

    def api(self, call: Callable[[DirectApi], Answer]) -> Answer:
        """What the function of the HTTP routes does for a request."""
        answer: Answer = self._as("api_handler", lambda: call(self.wired.api("test")))
        return answer

    def post_notice(self, document: Mapping[str, Any], address: str) -> None:
        """Have the function that posts to Slack post a notice there."""
        ssm = client("ssm", self.aws.environment)
        ssm.put_parameter(Name=WEBHOOK.name, Type="SecureString", Value=address, Overwrite=True)
        self._as("on_notices", lambda: self.wired.post_notice(json.dumps(document), "request"))

    def let_in(self, header: str) -> dict[str, Any]:
        """What the authorizer answers."""
        found: dict[str, Any] = self._as("bearer", lambda: self.wired.let_in(header, METHOD_ARN))
        return found

    @contextmanager
    def denials(self) -> Iterator[list[tuple[str, str]]]:
        """What MiniStack refuses meanwhile, and is meant to."""
        before, self.denied = self.denied, []
        try:
            yield self.denied
        finally:
            self.denied = before

    def try_as(self, function: str, call: Call) -> str:
        """Make a call with a function's role, past the judge: the refusal, or nothing."""
        made = self._session.client(call.service)
        self.roles.wearing = function
        try:
            getattr(made, xform_name(call.operation))(**call.params)
        except ClientError as error:
            return str(error)
        finally:
            self.roles.wearing = ""
        return ""

    def _as(self, function: str, call: Any) -> Any:
        self.judge.function = self.roles.wearing = function
        try:
            with suppress(MessagesLeft):
                return call()
        finally:
            self.judge.function = self.roles.wearing = ""

    def _lock_topic(self) -> None:
        """Give the topic the policy that AWS gives a new one; MiniStack's lets everybody publish."""
        arn = self.aws.environment["BATCHWRIGHT_TOPIC_ARN"]
        allowed = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": arn}
        own = {**allowed, "Condition": {"StringEquals": {"AWS:SourceOwner": PLACE.account}}}
        policy = json.dumps({"Version": "2008-10-17", "Statement": [own]})
        self._clients.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)

    def _note(self, parsed: Mapping[str, Any], **_: Any) -> None:
        error = parsed.get("Error", {})
        if self.judge.function and (parsed["ResponseMetadata"]["HTTPStatusCode"] == 403 or "Denied" in str(error)):
            self.denied.append((self.judge.function, error.get("Message", "")))

    def _close(self, model: Any, **_: Any) -> None:
        if self.scheduler_is_down:
            answer = {"Error": {"Code": "InternalServerException", "Message": "down"}}
            raise ClientError({**answer, "ResponseMetadata": {"HTTPStatusCode": 500}}, model.name)

    def _lose(self, **_: Any) -> None:
        if self.lose_next_submission:
            self.lose_next_submission = False
            raise ReadTimeoutError(endpoint_url="the submission was made, and its answer lost")


@contextmanager
def judged_app(folder: Path) -> Iterator[JudgedApp]:
    """The app on a local AWS without a worker; this process becomes a part of it for as long."""
    before = dict(os.environ)
    ministack = enforcing(folder / "ministack.log")
    with (
        LocalAws(folder, workers=0, variables={**SOON, **SLACK}, ministack=ministack) as aws,
        pytest.MonkeyPatch.context() as patch,
    ):
        enter(aws.environment)
        try:
            yield JudgedApp(aws, folder, patch)
        finally:
            os.environ.clear()
            os.environ.update(before)
