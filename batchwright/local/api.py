"""`python -m batchwright.local.api`: the HTTP API on this machine, served by Chalice's own local server.

Prints one line of JSON with its address once it listens, and serves the project's app until SIGTERM or the end of
stdin. API Gateway's part (the authorizer, what it answers itself) is played by Chalice.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

# Loaded with this module, and not with the app, so that it is done while the rest of the local AWS starts.
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, create_local_server

from batchwright.local.child import when_parent_is_gone
from batchwright.local.functions import PROJECT_FOLDER, load_app

HOST = "127.0.0.1"


class Server:
    """Chalice's local server for an app, listening on a free port of the loopback interface."""

    def __init__(self, app: Any) -> None:
        # Head and body of an answer are two writes: the second must not wait 40 ms for the client's word on the first.
        ChaliceRequestHandler.disable_nagle_algorithm = True
        # A line for each request is in nobody's interest here; what is refused or fails is logged by the app itself.
        ChaliceRequestHandler.log_request = lambda *_: None
        self._server = create_local_server(app, Config(), HOST, 0).server
        self.address = f"http://{HOST}:{self._server.server_address[1]}"

    def serve(self) -> None:
        """Serve until the process ends or `close`. Chalice's own method would print the port 0."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """From another thread: stop serving."""
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    """Serve the app's routes until SIGTERM, SIGINT, or the end of stdin."""
    parser = argparse.ArgumentParser(prog="python -m batchwright.local.api", description=__doc__)
    parser.add_argument("--project", type=Path, default=PROJECT_FOLDER, help="the folder of app.py")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when stdin is closed")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    if options.exit_with_stdin:
        when_parent_is_gone(lambda: os._exit(0))
    server = Server(load_app(options.project))
    print(json.dumps({"address": server.address}), flush=True)
    sys.stdout = sys.stderr
    server.serve()


if __name__ == "__main__":
    main()
