"""`python -m batchwright.local.api`: the HTTP API on this machine, served by Chalice's own local server.

Says its address as soon as it listens, and loads the app then: nobody who starts a local AWS waits for that, and who
asks at once waits in the queue of the socket. API Gateway's part (the authorizer, what it answers itself) is Chalice's.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from batchwright.local.child import when_parent_is_gone

HOST = "127.0.0.1"
WAITING_MAXIMUM = 64


def listening() -> socket.socket:
    """A socket that listens on a free port of the loopback interface."""
    return socket.create_server((HOST, 0), backlog=WAITING_MAXIMUM)


class Server:
    """Chalice's local server for an app, on a socket that listens already."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        from chalice.config import Config
        from chalice.local import ChaliceRequestHandler, create_local_server

        # Head and body of an answer are two writes: the second must not wait 40 ms for the client's word on the first.
        ChaliceRequestHandler.disable_nagle_algorithm = True
        # A line for each request is in nobody's interest here; what is refused or fails is logged by the app itself.
        ChaliceRequestHandler.log_request = lambda *_: None
        # No route has these, and Chalice says so as of any other method; its server would answer 501 without asking it.
        ChaliceRequestHandler.do_TRACE = ChaliceRequestHandler.do_QUERY = ChaliceRequestHandler.do_GET
        self._server = create_local_server(app, Config(), HOST, 0).server
        self._server.socket.close()
        self._server.socket = listener

    def serve(self) -> None:
        """Serve until the process ends, or `close`."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """From another thread: stop serving."""
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    """Serve the app's routes until SIGTERM, SIGINT, or the end of stdin."""
    parser = argparse.ArgumentParser(prog="python -m batchwright.local.api", description=__doc__)
    parser.add_argument("--project", type=Path, help="the folder of app.py (default: this one's)")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when stdin is closed")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    if options.exit_with_stdin:
        when_parent_is_gone(lambda: os._exit(0))
    listener = listening()
    print(json.dumps({"endpoint_url": f"http://{HOST}:{listener.getsockname()[1]}"}), flush=True)
    # Whatever writes to stdout from now on, nobody reads it there.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _serve(listener, options.project)


def _serve(listener: socket.socket, project_folder: Path | None) -> None:
    import logging

    from batchwright.local.functions import load_app
    from batchwright.stage.project import PROJECT_FOLDER
    from chalicelib.journal import PlainLines

    lines = logging.StreamHandler()
    lines.setFormatter(PlainLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    logging.getLogger("botocore").setLevel(logging.WARNING)
    Server(load_app(project_folder or PROJECT_FOLDER), listener).serve()


if __name__ == "__main__":
    main()
