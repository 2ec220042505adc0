"""The server: HTTP in front, the parts behind, wired together here and nowhere else.

Owns: wiring, start and orderly end. Every request is answered by the event loop itself; nothing in it blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import traceback
from dataclasses import replace
from typing import Any

import boto3
from aiohttp import web
from botocore.config import Config

from batchwright.local.batch import documents
from batchwright.local.batch.arns import Account
from batchwright.local.batch.attempts import AttemptRunner, Surroundings
from batchwright.local.batch.callers import check_caller
from batchwright.local.batch.definitions import Definitions
from batchwright.local.batch.delivery import FaultPlan
from batchwright.local.batch.errors import BatchError, ClientError
from batchwright.local.batch.infrastructure import Infrastructure
from batchwright.local.batch.jobs import Job
from batchwright.local.batch.lifecycle import Lifecycle
from batchwright.local.batch.listing import Listing
from batchwright.local.batch.operations import JobOperations, operation_table
from batchwright.local.batch.options import Options
from batchwright.local.batch.protocol import Answer, Protocol
from batchwright.local.batch.publisher import Publisher, complain
from batchwright.local.batch.records import JobRecords
from batchwright.local.batch.rules import Rules
from batchwright.local.batch.scheduler import Scheduler
from batchwright.local.batch.tags import Tags

MAXIMUM_BODY_BYTES = 16 * 1024 * 1024
END_GRACE_SECONDS = 1.0
PUBLISHER_GRACE_SECONDS = 3.0


def now_ms() -> int:
    """The wall clock, in Batch's unit."""
    return time.time_ns() // 1_000_000


class Server:
    """A local Batch, from start to end."""

    def __init__(self, options: Options, loop: asyncio.AbstractEventLoop) -> None:
        self._options = options
        self._account = Account(options.account_id, options.region)
        self._publisher = _make_publisher(options)
        self._protocol = Protocol()
        scheduler, tags, records = Scheduler(), Tags(), JobRecords()
        surroundings = Surroundings(
            options.work_folder,
            options.job_environment,
            options.kill_grace_seconds,
            options.keep_folders,
            options.in_place,
        )
        self._runner = AttemptRunner(loop, surroundings, self._publisher, now_ms)
        self._lifecycle = Lifecycle(scheduler, self._runner, self._tell, self._tell_blocked, now_ms)
        infrastructure = Infrastructure(self._account, scheduler, tags, options.queues_on_demand)
        definitions = Definitions(self._account, tags, options.minimum_timeout_seconds)
        listing = Listing(self._account, records, infrastructure, scheduler, tags, now_ms)
        jobs = JobOperations(
            self._account,
            records,
            definitions,
            infrastructure,
            self._lifecycle,
            tags,
            now_ms,
            options.minimum_timeout_seconds,
            options.submit_rate,
        )
        self._operations = operation_table(jobs, listing, definitions, infrastructure, tags, self._lifecycle.reschedule)
        self._web: web.AppRunner | None = None
        self._starter: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Listen, and return the endpoint's URL."""
        self._options.work_folder.mkdir(parents=True, exist_ok=True)
        self._publisher.start()
        self._starter = asyncio.create_task(self._lifecycle.start_jobs())
        application = web.Application(client_max_size=MAXIMUM_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._web = web.AppRunner(application, access_log=None)
        await self._web.setup()
        site = web.TCPSite(self._web, "127.0.0.1", self._options.port)
        await site.start()
        endpoint_url = f"http://127.0.0.1:{self._web.addresses[0][1]}"
        # A job is a client like any other: it may submit jobs and look at them.
        given = {"AWS_ENDPOINT_URL_BATCH": endpoint_url, **self._options.job_environment}
        self._runner.surroundings = replace(self._runner.surroundings, job_environment=given)
        return endpoint_url

    async def stop(self) -> None:
        """End every job's processes, send what is due, stop listening."""
        if self._starter is not None:
            self._starter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starter
        self._runner.kill_all(END_GRACE_SECONDS)
        await self._until_no_job_lives(2 * END_GRACE_SECONDS)
        # A job that was being terminated already has its own, longer grace; nothing of it may outlive us.
        self._runner.kill_the_rest()
        await self._until_no_job_lives(END_GRACE_SECONDS)
        self._runner.end_everything()
        if self._web is not None:
            await self._web.cleanup()
        self._publisher.stop(PUBLISHER_GRACE_SECONDS)

    async def _until_no_job_lives(self, within_seconds: float) -> None:
        deadline = time.monotonic() + within_seconds
        while self._runner.alive_count and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            check_caller(request.headers)
            body = await request.read()
            query = {key: request.query.getall(key) for key in request.query}
            call = self._protocol.read(request.method, request.rel_url.raw_path, query, body)
            operation = self._operations.get(call.operation)
            if operation is None:
                raise ClientError(f"{call.operation}: this local Batch does not have this operation")
            answer = self._protocol.answer(operation(call.parameters, len(body)))
        except BatchError as error:
            answer = self._protocol.refusal(error)
        except Exception as error:
            # A defect of this server: the client learns it as Batch would tell it, the log has the place.
            traceback.print_exc()
            answer = self._protocol.refusal(BatchError(f"{type(error).__name__}: {error}"))
        return _response(answer)

    def _tell(self, job: Job) -> None:
        self._publisher.publish_event(documents.event(self._account, job, now_ms()))

    def _tell_blocked(self, job: Job) -> None:
        self._publisher.publish_event(documents.queue_blocked_event(self._account, job, now_ms()))


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.http_status, headers=answer.headers, body=answer.body)


def _make_publisher(options: Options) -> Publisher:
    def client(service: str) -> Any:
        # One client a thread: these belong to the publisher's.
        return boto3.client(
            service,
            endpoint_url=options.aws_endpoint_url,
            region_name=options.region,
            # Never the user's own credentials file: whatever answers at that endpoint is local.
            aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "local"),
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "local"),
            config=Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5, read_timeout=20),
        )

    sqs = client("sqs") if options.events_queue_url else None
    logs = client("logs") if options.aws_endpoint_url else None
    rules = Rules(client("events"), sqs, options.events_queue_url, complain) if options.serves_rules else None
    return Publisher(sqs, options.events_queue_url, logs, FaultPlan(options.faults), options.event_pattern, rules)
