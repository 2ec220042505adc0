"""`python -m batchwright.local.worker`: the local Lambda. Takes messages off the queues that the app declares.

Owns what Lambda's event source mapping does: long polls, hands batches to the handler, deletes them when it returns,
except those that it reports as left, and leaves all when it raises. What a message means is the handler's. Each worker
also fires the workflows' schedules (schedules.py): with several of them, each time is told several times, as it may be
on AWS.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import boto3

# Loaded with this module, and not with the app, so that it is done while the rest of the local AWS starts.
import chalice  # noqa: F401
from botocore.exceptions import BotoCoreError, ClientError

from batchwright.local.child import when_parent_is_gone
from batchwright.local.functions import Functions, QueueSource, ScheduleSource
from batchwright.local.schedule import interval_seconds
from batchwright.local.schedules import LocalScheduler
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib import wiring
from chalicelib.aws import scheduler as aws_scheduler
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.journal import PlainLines

# Not below "batchwright": Chalice sets the logger of the app's name to errors alone.
log = logging.getLogger("local.worker")

WAIT_SECONDS = 20
SCHEDULE_GROUP = aws_scheduler.VARIABLES["group"]
PAUSE_AFTER_ERROR_SECONDS = 1.0


def poll(functions: Functions, source: QueueSource, ended: threading.Event) -> None:
    """Take messages off one queue until `ended`; a long poll waits in the server, so this idles."""
    sqs = boto3.client("sqs")
    queue_url: str | None = None
    while not ended.is_set():
        try:
            queue_url = queue_url or sqs.get_queue_url(QueueName=source.queue)["QueueUrl"]
            answer = sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=source.batch_size,
                WaitTimeSeconds=WAIT_SECONDS,
                AttributeNames=["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SentTimestamp"],
                MessageAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError) as error:
            if not ended.wait(PAUSE_AFTER_ERROR_SECONDS):
                log.warning("cannot receive from %s: %s", source.queue, error)
            continue
        messages = answer.get("Messages", [])
        if messages and not ended.is_set():
            handle(functions, source, messages, sqs, queue_url)


def handle(functions: Functions, source: QueueSource, messages: list[Any], sqs: Any, queue_url: str) -> None:
    """One invocation: as Lambda does with ReportBatchItemFailures, delete what the handler does not report as left, and
    nothing when it raises."""
    try:
        left = functions.invoke_with_messages(source, messages)
    except MessagesLeft as error:
        log.info("%s: %s", source.function, error)
        return
    except Exception:
        log.exception("%s raised", source.function)
        return
    done = [message for message in messages if message["MessageId"] not in left]
    entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(done)]
    if not entries:
        return
    with contextlib.suppress(BotoCoreError, ClientError):
        # The handler deleted them already; of those that are still there the redelivery does no harm.
        sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)


def fire(functions: Functions, source: ScheduleSource, ended: threading.Event) -> None:
    """Call a scheduled function at its rate until `ended`; more often where the runs are to be swept more often."""
    seconds = min(interval_seconds(source.expression), wiring.settings_of(os.environ).sweep_seconds)
    while not ended.wait(seconds):
        try:
            functions.invoke_on_schedule(source)
        except Exception:
            log.exception("%s raised", source.function)


def main() -> None:
    """Serve the app's queues and schedules until SIGTERM, SIGINT, or the end of stdin."""
    parser = argparse.ArgumentParser(prog="python -m batchwright.local.worker", description=__doc__)
    parser.add_argument("--pollers", type=int, default=2, help="concurrent invocations of a queue that declares none")
    parser.add_argument("--project", type=Path, default=PROJECT_FOLDER, help="the folder of app.py")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when stdin is closed")
    options = parser.parse_args()
    lines = logging.StreamHandler()
    lines.setFormatter(PlainLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    logging.getLogger("botocore").setLevel(logging.WARNING)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    functions = Functions(options.project)
    jobs: list[tuple[Any, Any]] = [(fire, source) for source in functions.schedules()]
    for source in functions.queues():
        jobs += [(poll, source)] * (source.concurrency or options.pollers)
    group = os.environ.get(SCHEDULE_GROUP)
    if group:
        scheduler = LocalScheduler(boto3.client("scheduler"), boto3.client("sqs"), group)
        threading.Thread(target=scheduler.run, args=(ended,), daemon=True).start()
    for target, source in jobs:
        threading.Thread(target=target, args=(functions, source, ended), daemon=True).start()
    if options.exit_with_stdin:
        when_parent_is_gone(ended.set)
    ended.wait()
    # Handlers under way may be cut off anywhere; their messages come again. os._exit spares the long polls' wait.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
