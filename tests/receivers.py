"""Real receivers on this machine: an HTTP endpoint, which may subscribe to SNS or play Slack, and a mail server."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer to a request."""

    status: int = 200
    body: str = "ok"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class HttpReceiver:
    """Keeps what it receives. Answers the replies in turn, then the last one for ever."""

    port: int = 0
    replies: Sequence[Reply] = (Reply(),)
    received: list[Received] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_for(self, what: Callable[[list[Received]], bool]) -> list[Received]:
        """What was received once `what` holds of it."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not what(self.received):
            assert time.monotonic() < deadline, self.received
            time.sleep(0.01)
        return list(self.received)

    def notifications(self) -> list[dict[str, Any]]:
        """What SNS delivered to it, without what it asked to be confirmed."""
        found = [json.loads(one.body) for one in self.received]
        return [one for one in found if one.get("Type") == "Notification"]


@contextmanager
def http_receiver(*replies: Reply, confirms: bool = False) -> Iterator[HttpReceiver]:
    """An HTTP server on a free port of the loopback interface; `confirms` a subscription by visiting its address."""
    receiver = HttpReceiver(replies=replies or (Reply(),))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            reply = receiver.replies[min(len(receiver.received), len(receiver.replies) - 1)]
            receiver.received.append(Received(self.command, self.path, dict(self.headers), body))
            if confirms and self.headers.get("x-amz-sns-message-type") == "SubscriptionConfirmation":
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(json.loads(body)["SubscribeURL"])
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body.encode())

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class MailReceiver:
    """A mailbox behind a real SMTP server."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.raw.append(envelope.content)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """An SMTP server on a free port of the loopback interface."""
    receiver = MailReceiver()
    controller = _AnyPort(receiver, hostname="127.0.0.1", port=0)
    controller.start()
    receiver.port = controller.server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        controller.stop()


class _AnyPort(Controller):
    """Takes the port that the system gives it, and looks there whether it answers."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
