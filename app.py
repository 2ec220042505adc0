"""Every trigger of Batchwright on one page: parse, call, return.

Owns which AWS event calls what. The procedures are in chalicelib/engine, what they stand on is built by
chalicelib/wiring.
"""

import os
from collections.abc import Callable
from typing import Any

from chalice import Chalice, IAMAuthorizer, Rate
from chalice.app import AuthRequest, CloudWatchEvent, SNSEvent, SQSEvent

from chalicelib.api.http.chalice_routes import http_routes
from chalicelib.core.addresses import commands_queue, events_queue, topic
from chalicelib.core.concurrency import ceilings_of
from chalicelib.journal import FUNCTION, open_journal
from chalicelib.wiring import api_trusts_iam, invocation, slack_webhook, wired

if "AWS_CHALICE_CLI_MODE" in os.environ:
    # A command of Chalice loads the app from a clone. In Lambda there is neither the variable nor the package.
    from batchwright.deploy.chalice_commands import prepare

    prepare(os.environ)

open_journal(os.environ)
app = Chalice(app_name="batchwright", configure_logs=FUNCTION not in os.environ)

STAGE = os.environ.get("BATCHWRIGHT_STAGE", "dev")
EVENTS_QUEUE = os.environ.get("BATCHWRIGHT_EVENTS_QUEUE", events_queue(STAGE))
COMMANDS_QUEUE = os.environ.get("BATCHWRIGHT_COMMANDS_QUEUE", commands_queue(STAGE))
TOPIC = os.environ.get("BATCHWRIGHT_TOPIC_ARN", topic(STAGE))
CEILINGS = ceilings_of(os.environ)


@app.middleware("all")
def around_every_invocation(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Give its log lines its id, and hand its figures on at the end, also of one that fails."""
    # A request of the HTTP API has another thing by the name of `context`.
    context = getattr(event, "lambda_context", None) or event.context
    with invocation(context.aws_request_id, context.invoked_function_arn):
        return get_response(event)


@app.on_sqs_message(queue=EVENTS_QUEUE, batch_size=10, maximum_concurrency=CEILINGS.events, name="on_events")
def on_events(event: SQSEvent) -> dict[str, Any] | None:
    """Batch jobs changed their state. Answers which messages are left."""
    return wired().handle_events(event.to_dict(), event.context.aws_request_id)


@app.on_sqs_message(queue=COMMANDS_QUEUE, batch_size=1, maximum_concurrency=CEILINGS.commands, name="on_commands")
def on_commands(event: SQSEvent) -> dict[str, Any] | None:
    """Chunks of ready tasks, timers of retries, cancellations, pauses, resumes and redrives. Answers as `on_events`."""
    return wired().handle_commands(event.to_dict(), event.context.aws_request_id)


@app.schedule(Rate(5, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> None:
    """Heal the runs that an event or a command was lost for."""
    wired().sweep(event.context.aws_request_id)


@app.lambda_function(name="start")
def start(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start a run: `{"workflow": name, "params": {...}, "idempotency_key": "...", "version": 3}`.

    Only `workflow` is required; without a key, every invocation starts a run of its own.
    """
    run = wired().start_run(event, context.aws_request_id)
    return {"run_id": run.run_id, "state": run.state, "workflow": run.workflow, "version": run.version}


# Only where a webhook is named, so that a stage without one has no such function.
if slack_webhook(os.environ):

    @app.on_sns_message(topic=TOPIC, name="on_notices")
    def on_notices(event: SNSEvent) -> None:
        """A notice goes to Slack."""
        wired().post_notice(event.message, event.context.aws_request_id)


# Who may ask the HTTP API: the holders of its tokens, or whoever IAM lets through. No answer of the authorizer is kept,
# so that a revocation holds at once.
if api_trusts_iam(os.environ):
    authorizer = IAMAuthorizer()
else:

    @app.authorizer(ttl_seconds=0)
    def bearer(request: AuthRequest) -> dict[str, Any]:
        """Let the holder of a good token through, and say to the routes what it allows."""
        return wired(request.method_arn).let_in(request.token, request.method_arn)

    authorizer = bearer

app.register_blueprint(
    http_routes(lambda request_id: wired().api(request_id), authorizer, trusts_iam=api_trusts_iam(os.environ))
)
