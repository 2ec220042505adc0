"""Sends events to the SQS queue and lines to CloudWatch Logs, from one thread of its own.

Owns: the thread, batching, and the order "log lines first, then the event that tells of them". Does not own what an
event says, or which lines there are. The thread sleeps in a blocking `get` while there is nothing to send.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import queue
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from batchwright.local.batch.delivery import FaultPlan
from batchwright.local.batch.logs import LogLine
from batchwright.local.batch.pattern import matches
from batchwright.local.batch.rules import Rules

BATCH_ENTRIES = 10
BATCH_BYTES = 250_000
DRAIN_ITEMS = 500
# A change of state seldom comes alone: waiting this long makes one call of what would be several.
LINGER_SECONDS = 0.004
TRIES = 5
EVENTS_TOLD = "events in all: "
"""Begins the line that says at the end how many events were repeated and lost on purpose."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Lines of one stream; an empty batch only makes sure that the stream exists."""

    group: str
    stream: str
    lines: tuple[LogLine, ...]
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """Call `then`, from the publisher's thread, once the lines before it were written, or could not be."""

    then: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Stop:
    """Send what is due and end."""


Item = dict[str, Any] | LogBatch | Written | Stop


class SqsClient(Protocol):
    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]: ...


class LogsClient(Protocol):
    def create_log_group(self, *, logGroupName: str) -> Any: ...

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> Any: ...

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> Any: ...


class Publisher:
    """`sqs` and `logs` may be None: then events, or lines, go nowhere. `rules` name further queues for events."""

    def __init__(
        self,
        sqs: SqsClient | None,
        queue_url: str,
        logs: LogsClient | None,
        faults: FaultPlan,
        pattern: Mapping[str, Any] | None,
        rules: Rules | None = None,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._logs = logs
        self._faults = faults
        self._pattern = pattern
        self._rules = rules
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._due: list[tuple[float, int, str, str]] = []
        self._numbers = itertools.count()
        self._groups: set[str] = set()
        self._streams: set[tuple[str, str]] = set()
        self._backlog_bytes = 0
        self._backlog_lock = threading.Lock()
        self._stopping = False
        self._counts = Counter[str]()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def backlog_bytes(self) -> int:
        """Log bytes that wait to be sent; the server stops reading from jobs while there are too many."""
        return self._backlog_bytes

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Send what is due, and wait up to `timeout_seconds` for that."""
        self._items.put(Stop())
        self._thread.join(timeout_seconds)
        if not self._faults.none_wanted:
            told = ", ".join(f"{self._counts[name]} {name}" for name in ("events", "repeated", "lost"))
            complain(f"{EVENTS_TOLD}{told}")

    def publish_event(self, document: dict[str, Any]) -> None:
        if self._sqs is not None:
            self._items.put(document)

    def publish_log(self, batch: LogBatch) -> None:
        if self._logs is not None:
            with self._backlog_lock:
                self._backlog_bytes += batch.size_bytes
            self._items.put(batch)

    def when_written(self, then: Callable[[], None]) -> None:
        """Call `then`, from another thread, once all lines that were published before are where clients read them."""
        self._items.put(Written(then))

    def _run(self) -> None:
        while not self._stopping:
            for item in self._wait_for_items():
                self._accept(item)
            self._send_due()

    def _wait_for_items(self) -> list[Item]:
        timeout = None if not self._due else max(0.0, self._due[0][0] - time.monotonic())
        items: list[Item] = []
        with contextlib.suppress(queue.Empty):
            items.append(self._items.get(timeout=timeout) if timeout != 0.0 else self._items.get_nowait())
            if len(items) + self._items.qsize() < BATCH_ENTRIES:
                time.sleep(LINGER_SECONDS)
            while len(items) < DRAIN_ITEMS:
                items.append(self._items.get_nowait())
        return items

    def _accept(self, item: Item) -> None:
        if isinstance(item, Stop):
            self._stopping = True
        elif isinstance(item, LogBatch):
            self._send_lines(item)
        elif isinstance(item, Written):
            item.then()
        else:
            self._accept_event(item)

    def _accept_event(self, document: dict[str, Any]) -> None:
        now_seconds = time.monotonic()
        is_ours = self._pattern is None or matches(self._pattern, document)
        queue_urls = [self._queue_url] if is_ours else []
        if self._rules is not None:
            queue_urls += self._rules.queues_for(document, now_seconds)
        if not queue_urls:
            return
        body = json.dumps(document, separators=(",", ":"))
        due_times = self._faults.due_times(document, now_seconds)
        if is_ours:
            self._counts.update(["events", *([["lost"], [], ["repeated"]][len(due_times)])])
        for due in due_times:
            for queue_url in queue_urls:
                heapq.heappush(self._due, (due, next(self._numbers), queue_url, body))

    def _send_due(self) -> None:
        now = time.monotonic()
        due: defaultdict[str, list[str]] = defaultdict(list)
        while self._due and self._due[0][0] <= now:
            _, _, queue_url, body = heapq.heappop(self._due)
            due[queue_url].append(body)
        for queue_url, bodies in due.items():
            for batch in _batches(bodies):
                self._send_events(queue_url, batch)

    def _send_events(self, queue_url: str, bodies: Sequence[str]) -> None:
        assert self._sqs is not None
        # Whoever made a rule may remove its queue at any time, and the stage's own queue must not wait for that.
        tries = TRIES if queue_url == self._queue_url else 1
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        for attempt in range(tries):
            try:
                answer = self._sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
                failed = {entry["Id"] for entry in answer.get("Failed", ())}
            except Exception as error:
                failed = {entry["Id"] for entry in entries}
                complain(f"cannot put {len(entries)} events on {queue_url}: {error}")
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries or self._stopping:
                return
            if attempt + 1 < tries:
                time.sleep(0.1 * 2**attempt)
        complain(f"gave up on {len(entries)} events after {tries} tries")

    def _send_lines(self, batch: LogBatch) -> None:
        assert self._logs is not None
        try:
            if (batch.group, batch.stream) not in self._streams:
                self._make_stream(batch.group, batch.stream)
            if batch.lines:
                self._logs.put_log_events(
                    logGroupName=batch.group,
                    logStreamName=batch.stream,
                    logEvents=[{"timestamp": line.at_ms, "message": line.text} for line in batch.lines],
                )
        except Exception as error:
            complain(f"cannot write {len(batch.lines)} lines to {batch.group} {batch.stream}: {error}")
        finally:
            with self._backlog_lock:
                self._backlog_bytes -= batch.size_bytes

    def _make_stream(self, group: str, stream: str) -> None:
        assert self._logs is not None
        if group not in self._groups:
            self._ignoring_existing(lambda logs: logs.create_log_group(logGroupName=group))
            self._groups.add(group)
        self._ignoring_existing(lambda logs: logs.create_log_stream(logGroupName=group, logStreamName=stream))
        self._streams.add((group, stream))

    def _ignoring_existing(self, make: Any) -> None:
        try:
            make(self._logs)
        except Exception as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code")
            if code != "ResourceAlreadyExistsException":
                raise


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """The bodies in batches that one call may carry."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        if batch and (len(batch) == BATCH_ENTRIES or size + len(body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch


def complain(message: str) -> None:
    """Say on stderr what goes wrong."""
    print(f"local batch: {message}", file=sys.stderr, flush=True)
