"""Every trigger of Batchwright on one page: parse, call, return.

Owns which AWS event calls which procedure. The procedures are in chalicelib/engine, what they stand on is built by
chalicelib/wiring.
"""

import os
from typing import Any

from chalice import Chalice
from chalice.app import SQSEvent

from chalicelib.engine.cancel import request_cancel
from chalicelib.engine.messages import Message, handle_commands, handle_events
from chalicelib.engine.start import start_run
from chalicelib.wiring import wired

app = Chalice(app_name="batchwright")

EVENTS_QUEUE = os.environ.get("BATCHWRIGHT_EVENTS_QUEUE", "batchwright-dev-events")
COMMANDS_QUEUE = os.environ.get("BATCHWRIGHT_COMMANDS_QUEUE", "batchwright-dev-commands")


@app.on_sqs_message(queue=EVENTS_QUEUE, batch_size=10, name="on_events")
def on_events(event: SQSEvent) -> None:
    """Batch jobs changed their state."""
    handle_events(wired().world_of(event.context.aws_request_id), wired().events, _messages(event))


@app.on_sqs_message(queue=COMMANDS_QUEUE, batch_size=1, name="on_commands")
def on_commands(event: SQSEvent) -> None:
    """Chunks of ready tasks, timers of retries, cancellations."""
    handle_commands(wired().world_of(event.context.aws_request_id), wired().commands, _messages(event))


@app.lambda_function(name="start")
def start(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start a run: `{"workflow": name, "params": {...}, "idempotency_key": "...", "version": 3}`.

    Only `workflow` is required; without a key, every invocation starts a run of its own.
    """
    key = event.get("idempotency_key") or context.aws_request_id
    world = wired().world_of(context.aws_request_id)
    run = start_run(world, event["workflow"], event.get("params") or {}, key, event.get("version"))
    return {"run_id": run.run_id, "state": run.state, "workflow": run.workflow, "version": run.version}


@app.lambda_function(name="cancel")
def cancel(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Cancel a run: `{"run_id": "...", "reason": "..."}`. `cancelling` is false when it had ended already."""
    world = wired().world_of(context.aws_request_id)
    asked = request_cancel(world, event["run_id"], event.get("reason") or "cancelled on request")
    return {"run_id": event["run_id"], "cancelling": asked}


def _messages(event: SQSEvent) -> list[Message]:
    return [
        Message(record.body, record.receipt_handle, int(record.to_dict()["attributes"]["ApproximateReceiveCount"]))
        for record in event
    ]
