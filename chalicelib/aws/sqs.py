"""The commands port and the inbox port over one SQS queue each.

Owns SQS's batches: ten entries a call, each of which may fail alone. What the messages mean is the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.aws.answers import ClientError, answers, code_of
from chalicelib.core.chain import BEGINNING, HOPS, WAITS_SINCE_MS, Chain
from chalicelib.core.errors import Defect, TryAgain
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.ports.services import Timer

ENTRIES_MAXIMUM = 10
BATCH_BYTES_MAXIMUM = 250_000
"""SQS takes 1 MiB in one call today and took 256 KiB for long; our messages are far from either."""
POSTPONE_SECONDS_MAXIMUM = 43_200

# The message was deleted, or its visibility time ended and somebody else has it.
_STALE_HANDLE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"})


class SqsCommands:
    """Sends to one queue."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, bodies: Sequence[str], delay_seconds: int = 0, chain: Chain = BEGINNING) -> None:
        self.send_timers([(body, delay_seconds) for body in bodies], chain)

    def send_timers(self, timers: Sequence[Timer], chain: Chain = BEGINNING) -> None:
        for _, delay_seconds in timers:
            if not 0 <= delay_seconds <= QUEUE_DELAY_SECONDS_MAXIMUM:
                raise Defect(f"a delay is 0 to {QUEUE_DELAY_SECONDS_MAXIMUM} seconds, not {delay_seconds}")
        attributes = chain_attributes(chain)
        for batch in _batches(timers):
            entries = [
                {"Id": str(place), "MessageBody": body, "DelaySeconds": delay_seconds, **attributes}
                for place, (body, delay_seconds) in enumerate(batch)
            ]
            with answers("SendMessageBatch"):
                answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            _all_went_through("SendMessageBatch", answer.get("Failed", ()))


class SqsBacklog:
    """How many messages of one queue wait, as SQS estimates it."""

    _COUNTS = tuple(f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed"))

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def waiting(self) -> int:
        with answers("GetQueueAttributes"):
            found = self._client.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=list(self._COUNTS))
        return sum(int(found["Attributes"][name]) for name in self._COUNTS)


class SqsInbox:
    """What the receiver of one queue's messages may do with them."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def delete(self, receipt_handles: Sequence[str]) -> None:
        for start in range(0, len(receipt_handles), ENTRIES_MAXIMUM):
            handles = receipt_handles[start : start + ENTRIES_MAXIMUM]
            entries = [{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(handles)]
            with answers("DeleteMessageBatch"):
                answer = self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            failed = [entry for entry in answer.get("Failed", ()) if entry["Code"] not in _STALE_HANDLE]
            _all_went_through("DeleteMessageBatch", failed)

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        if not 0 <= seconds <= POSTPONE_SECONDS_MAXIMUM:
            raise Defect(f"a message can be postponed by 0 to {POSTPONE_SECONDS_MAXIMUM} seconds, not {seconds}")
        with answers("ChangeMessageVisibility"):
            try:
                self._client.change_message_visibility(
                    QueueUrl=self._queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
                )
            except ClientError as error:
                if code_of(error) not in _STALE_HANDLE:
                    raise


def chain_attributes(chain: Chain) -> dict[str, Any]:
    """A message's chain as SQS holds it, as a part of what is sent. Nothing for the beginning of one."""
    numbers = {HOPS: chain.hops or None, WAITS_SINCE_MS: chain.waits_since_ms}
    found = {
        name: {"DataType": "Number", "StringValue": str(number)}
        for name, number in numbers.items()
        if number is not None
    }
    return {"MessageAttributes": found} if found else {}


def _batches(timers: Sequence[Timer]) -> Iterator[list[Timer]]:
    """The messages in groups that SQS takes at once, in order."""
    batch: list[Timer] = []
    size_bytes = 0
    for body, delay_seconds in timers:
        body_bytes = len(body.encode())
        if batch and (len(batch) == ENTRIES_MAXIMUM or size_bytes + body_bytes > BATCH_BYTES_MAXIMUM):
            yield batch
            batch, size_bytes = [], 0
        batch.append((body, delay_seconds))
        size_bytes += body_bytes
    if batch:
        yield batch


def _all_went_through(operation: str, failed: Sequence[dict[str, Any]]) -> None:
    if failed:
        first = failed[0]
        raise TryAgain(f"{operation}: {len(failed)} failed, the first with {first['Code']}: {first.get('Message', '')}")
