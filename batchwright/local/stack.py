"""The local AWS as a whole: MiniStack, the local Batch, the worker, and what they need to know of each other.

Owns the order of starting and stopping, and the variables that point anything at it. The table, the queues, the bucket
and the rule come from infra/foundation.yaml, so that a laptop runs what a deployment runs.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batchwright.local.batch.client import SERVER
from batchwright.local.batch.families import end_left_behind
from batchwright.local.child import Child
from batchwright.local.death import Death, last_line
from batchwright.local.isolation import CLOSED, client
from batchwright.local.ministack import MiniStack, MiniStackError
from batchwright.local.profile import write_profile
from batchwright.local.queues import COMPUTE_ENVIRONMENT, create_queues
from batchwright.stage.foundation import FOUNDATION, stack_name, variables_of
from chalicelib.core.errors import BatchwrightError
from chalicelib.wiring import DEFAULT_QUEUE as STAGE_QUEUE
from chalicelib.wiring import PARTIAL_RESPONSES, QUIET_SECONDS, SUBMIT_RATE, SUBMIT_RATE_MAXIMUM, SWEEP_SECONDS

STAGE = "local"
DEFAULT_QUEUE = "default"
PARTS = ("ministack", "batch", "worker", "api")
"""The processes of a local AWS; each has its log in the folder."""
ENDPOINT = "AWS_ENDPOINT_URL"
"""The variable of the endpoint of all services, and the beginning of those of single ones."""
JOBS = "jobs"
"""The folder in which each attempt of a job has its own."""
START_SECONDS = 30.0
LOCAL_SWEEP_SECONDS = 2
LOCAL_QUIET_SECONDS = 4
"""Where somebody watches, and a question to Batch costs nothing, what was lost is found in seconds."""
END_SECONDS = 5.0
API = "BATCHWRIGHT_API"
"""The variable that holds the address of the HTTP API, if it is served."""


class LocalAwsError(BatchwrightError):
    """The local AWS could not be started; the text says what failed and where the log is."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What may go wrong with the delivery of Batch's events: probabilities from 0 to 1, seconds, and the seed."""

    duplicate: float = 0.0
    drop: float = 0.0
    delay_seconds: float = 0.0
    reorder: bool = False
    seed: int = 0

    def arguments(self) -> list[str]:
        """The local Batch's options for these."""
        numbers = {
            "--duplicate": self.duplicate,
            "--drop": self.drop,
            "--delay": self.delay_seconds,
            "--seed": self.seed,
        }
        return [f"{name}={value}" for name, value in numbers.items()] + (["--reorder"] if self.reorder else [])


class LocalAws:
    """One local AWS in a folder of its own. `environment` is complete once `start` has returned.

    `dynamodb_url` is a server with the foundation's table, instead of MiniStack's. `ministack` is one that was set up
    otherwise, with its log in the folder. `variables` go over the environment. `job_environment` is for jobs alone.
    `in_place`: jobs work in the folders that their images name.
    `serves_api`: the HTTP API is one of its parts.
    """

    def __init__(
        self,
        folder: Path,
        *,
        faults: Faults = Faults(),
        submit_rate: int | None = None,
        max_vcpus: int | None = None,
        records_own_jobs: bool = False,
        kill_grace_seconds: float = 30.0,
        workers: int = 1,
        dynamodb_url: str | None = None,
        ministack: MiniStack | None = None,
        variables: Mapping[str, str] = {},
        in_place: bool = False,
        job_environment: Mapping[str, str] = {},
        serves_api: bool = False,
    ) -> None:
        self.folder = folder.absolute()
        self.environment: dict[str, str] = {}
        self._faults = faults
        self._submit_rate = submit_rate
        self._max_vcpus = max_vcpus or max(4, os.cpu_count() or 1)
        self._records_own_jobs = records_own_jobs
        self._kill_grace_seconds = kill_grace_seconds
        self._worker_count = workers
        self._dynamodb_url = dynamodb_url
        self._variables = dict(variables)
        self._in_place = in_place
        self._job_environment = dict(job_environment)
        self._ministack = ministack or MiniStack(self.folder / "ministack.log")
        self._serves_api = serves_api
        self._api: Child | None = None
        self._batch: Child | None = None
        self._workers: list[Child] = []

    def start(self) -> None:
        """Start everything. Raises LocalAwsError; what was started by then is ended by `stop`."""
        self._clear()
        # These load side by side with MiniStack, and wait until they are told what it holds.
        self._batch = Child(SERVER, self._log("batch"), answers=True)
        for _ in range(self._worker_count):
            self._new_worker()
        if self._serves_api:
            self._api = Child("batchwright.local.api", self._log("api"), answers=True)
        try:
            self._ministack.start()
        except MiniStackError as error:
            raise LocalAwsError(str(error)) from error
        self.environment = {**CLOSED, **self._account()}
        outputs = create_foundation(self.environment, OWN_JOBS if self._records_own_jobs else {})
        self.environment |= {
            "BATCHWRIGHT_STAGE": STAGE,
            **variables_of(outputs),
            SUBMIT_RATE: str(self._governed_rate()),
            SWEEP_SECONDS: str(LOCAL_SWEEP_SECONDS),
            PARTIAL_RESPONSES: "true",
            STAGE_QUEUE: DEFAULT_QUEUE,
            QUIET_SECONDS: str(LOCAL_QUIET_SECONDS),
            **self._variables,
        }
        self._begin_batch(self._batch)
        self.environment |= write_profile(self.folder / "aws", self.environment)
        for worker in self._workers:
            worker.begin([], self.environment)
        self._create_batch_environment()
        if self._api is not None:
            # The last one, and it listens before it loads the app: nobody waits for that.
            self._api.begin([], self.environment)
            self.environment[API] = self._address_of(self._api, "api")

    def start_worker(self) -> Child:
        """Start one more worker process; everything else must be up."""
        worker = self._new_worker()
        worker.begin([], self.environment)
        return worker

    def kill_worker(self, place: int) -> int:
        """SIGKILL a worker process and start another in its place; the pid of the dead one."""
        dead = self._workers.pop(place % len(self._workers))
        dead.process.kill()
        dead.end()
        self.start_worker()
        return dead.process.pid

    def check(self) -> None:
        """Raise LocalAwsError when a part of it ended by itself, because then nothing would go on."""
        if death := self.death():
            raise LocalAwsError(death.sentence())

    def death(self) -> Death | None:
        """The part that ended by itself, if one did."""
        parts = [("ministack", self._ministack.process), *(("worker", worker.process) for worker in self._workers)]
        parts += [(name, child.process) for name, child in (("batch", self._batch), ("api", self._api)) if child]
        for name, process in parts:
            if process is not None and process.poll() is not None:
                return Death(name, process.pid, str(self._log(name)), process.returncode, time.time())
        return None

    def stop(self) -> None:
        """Stop everything that was started, and every job. Twice is once, also when the first time was cut short."""
        children = [*self._workers, *(child for child in (self._batch, self._api) if child)]
        for child in children:
            child.ask_to_end()
        for child in children:
            child.end(END_SECONDS)
        self._workers, self._batch, self._api = [], None, None
        # The local Batch ends its jobs, unless it died itself.
        end_left_behind(self.folder / JOBS)
        self._ministack.stop()

    def __enter__(self) -> LocalAws:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _clear(self) -> None:
        """Remove what an earlier local AWS left in the folder."""
        for name in PARTS:
            self._log(name).unlink(missing_ok=True)
        end_left_behind(self.folder / JOBS)
        shutil.rmtree(self.folder / JOBS, ignore_errors=True)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _account(self) -> dict[str, str]:
        """What a container would have from its role: the one AWS there is, and nothing of the user's."""
        account = self._ministack.environment()
        if self._dynamodb_url is not None:
            account["AWS_ENDPOINT_URL_DYNAMODB"] = self._dynamodb_url
        return {**account, "AWS_REGION": account["AWS_DEFAULT_REGION"]}

    def _for_jobs(self) -> dict[str, str]:
        """What jobs are given: the way to everything that is served here, the bucket, and what was asked for. The local
        Batch adds the way to itself."""
        endpoints = {name: value for name, value in self.environment.items() if name.startswith(ENDPOINT)}
        bucket = {"BATCHWRIGHT_BUCKET": self.environment["BATCHWRIGHT_BUCKET"]}
        return {**self._account(), **endpoints, **bucket, **self._job_environment}

    def _new_worker(self) -> Child:
        worker = Child("batchwright.local.worker", self._log("worker"))
        self._workers.append(worker)
        return worker

    def _governed_rate(self) -> int:
        """SubmitJob calls a second that the app allows itself: as far below the rate at which the local Batch answers
        429 as 48 is below 50. One without such a rate is not worth waiting for."""
        return SUBMIT_RATE_MAXIMUM if self._submit_rate is None else max(1, self._submit_rate * 24 // 25)

    def _begin_batch(self, batch: Child) -> None:
        pattern_path = self.folder / "event_pattern.json"
        pattern_path.write_text(rule_pattern(self.environment), encoding="utf-8")
        rate = [] if self._submit_rate is None else [f"--submit-rate={self._submit_rate}"]
        arguments = [
            f"--work-dir={self.folder / JOBS}",
            f"--events-queue-url={self.environment['BATCHWRIGHT_EVENTS_QUEUE_URL']}",
            f"--aws-endpoint-url={self._ministack.endpoint_url}",
            f"--event-pattern={pattern_path}",
            "--serve-rules",
            f"--kill-grace-seconds={self._kill_grace_seconds}",
            f"--queues-on-demand={COMPUTE_ENVIRONMENT}",
            *rate,
            *self._faults.arguments(),
            *(["--in-place"] if self._in_place else []),
            *(f"--job-environment={name}={value}" for name, value in self._for_jobs().items()),
        ]
        batch.begin(arguments, self._account())
        self.environment["AWS_ENDPOINT_URL_BATCH"] = self._address_of(batch, "batch")

    def _address_of(self, child: Child, name: str) -> str:
        """The address that a child says it listens at."""
        line = child.first_line(START_SECONDS)
        if not line:
            raise LocalAwsError(f"the local AWS did not start: its {name} process{last_words(self._log(name))}")
        address: str = json.loads(line)["endpoint_url"]
        return address

    def _create_batch_environment(self) -> None:
        batch = client("batch", self.environment)
        batch.create_compute_environment(
            computeEnvironmentName=COMPUTE_ENVIRONMENT,
            type="MANAGED",
            state="ENABLED",
            computeResources={
                "type": "FARGATE",
                "maxvCpus": self._max_vcpus,
                "subnets": ["subnet-local"],
                "securityGroupIds": ["sg-local"],
            },
        )
        create_queues(self.environment, [DEFAULT_QUEUE])


def last_words(log_path: Path) -> str:
    """The last line of a log and where it is, to go behind a message."""
    return f": {last_line(log_path) or 'it said nothing'} (log: {log_path})"


RULES = ("job-state-changes", "queues-blocked")
"""What the rules of infra/foundation.yaml for Batch's events are called, behind the stage."""


OWN_JOBS = {"RecordOwnJobs": "true", "ObserveAllStates": "true"}
"""The parameters of a foundation that records the jobs of runs as it does others': a laptop has no events to save."""


def create_foundation(environment: Mapping[str, str], parameters: Mapping[str, str] = {}) -> dict[str, str]:
    """Create the stack of infra/foundation.yaml and return its outputs. Raises LocalAwsError with the reason."""
    cloudformation = client("cloudformation", environment)
    name = stack_name(STAGE)
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=FOUNDATION.read_text(encoding="utf-8"),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {"Stage": STAGE, "ObserveAllJobs": "true", "EventBus": "default", **parameters}.items()
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.config.delay = 0.1
    try:
        waiter.wait(StackName=name)
    except Exception as error:
        raise LocalAwsError(f"the foundation could not be created in MiniStack: {error}") from error
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def rule_pattern(environment: Mapping[str, str]) -> str:
    """The event patterns of the foundation's rules, as they were created, as one. Emulators refuse events that claim to
    come from AWS, so the local Batch applies the rules itself."""
    events = client("events", environment)
    rules = [events.describe_rule(Name=f"batchwright-{STAGE}-{name}") for name in RULES]
    return json.dumps({"$or": [json.loads(rule["EventPattern"]) for rule in rules]})
