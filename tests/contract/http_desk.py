"""The API over HTTP for the contract suite: Chalice's own local server in this process, with real tokens."""

from __future__ import annotations

import threading
from typing import Any

from chalice.app import AuthRequest, Chalice

from batchwright.client.http_api import HttpApi
from batchwright.local.api import HOST, Server, listening
from chalicelib.api import models as m
from chalicelib.api.http.access import authorize, place_of_arn, policy
from chalicelib.api.http.chalice_routes import http_routes
from chalicelib.api.port import Api
from chalicelib.core.tokens import TokenScope
from chalicelib.ports.store import Store
from tests.contract.apis import Desk


class Counter:
    """The local server, which asks whichever desk is at it."""

    def __init__(self) -> None:
        self.desk: Desk | None = None
        app = Chalice(app_name="contract")

        @app.authorizer(ttl_seconds=0)
        def bearer(request: AuthRequest) -> dict[str, Any]:
            assert self.desk is not None
            place = place_of_arn(request.method_arn)
            return policy(authorize(self.desk.tokens, self.desk.now_ms(), request.token, place), request.method_arn)

        app.register_blueprint(http_routes(self._api, bearer, trusts_iam=False))
        listener = listening()
        self._server = Server(app, listener)
        self.address = f"http://{HOST}:{listener.getsockname()[1]}"
        threading.Thread(target=self._server.serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _api(self, request_id: str) -> Api:
        assert self.desk is not None
        return self.desk.direct()


class HttpDesk(Desk):
    """A desk whose API is asked over HTTP, by the holder of a token that allows everything."""

    def __init__(self, store: Store, counter: Counter) -> None:
        super().__init__(store)
        counter.desk = self
        made = self.direct().create_token(m.NewToken(name="contract", scope=TokenScope.ADMIN))
        self.token_id = made.token.token_id
        self._http = HttpApi(counter.address, made.secret)

    @property
    def api(self) -> Api:
        return self._http
