"""The client of the HTTP API: what it tries again and what not, and which errors answers and networks become."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from batchwright.client.http_api import HttpApi
from batchwright.client.http_wire import TRIES, Wire
from chalicelib.api import models as m
from chalicelib.api.http.json_body import TooLarge
from chalicelib.api.http.problems import problem_of
from chalicelib.core import errors
from chalicelib.core.mistakes import Mistake

RUN = {"run_id": "r", "workflow": "w", "version": 1, "state": "running", "epoch": 0, "params": {}, "created_at_ms": 1}
TOKEN = f"bw_{'0' * 16}_{'a' * 64}"
NO_TOKEN = {"message": "Unauthorized"}


class Script:
    """A server that answers what it was told, in order, and notes what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                script.connections += 1

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.asked.append((self.command, self.path, dict(self.headers), body))
                status, headers, content = script.answers.pop(0)
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = handle_one

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def tell(self, status: int, document: Any = None, **headers: str) -> None:
        self.answers.append((status, headers, b"" if document is None else json.dumps(document).encode()))

    def refuse(self, error: Exception) -> None:
        """Answer as the API does to that error."""
        problem = problem_of(error)
        content = {"Content-Type": "application/problem+json", **problem.headers}
        self.tell(problem.status, problem.document("request-1"), **content)

    def hang_up(self) -> None:
        self.answers.append((0, {}, b""))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    yield script
    script.close()


@pytest.fixture
def pauses() -> list[float]:
    """How long the client would have slept."""
    return []


@pytest.fixture
def api(script: Script, pauses: list[float]) -> HttpApi:
    wire = Wire(script.address, {"Authorization": f"Bearer {TOKEN}"}, sleep=pauses.append)
    return HttpApi(script.address, TOKEN, wire=wire)


def test_requests_go_over_one_connection_with_the_token(api: HttpApi, script: Script) -> None:
    for _ in range(3):
        script.tell(200, RUN)
        api.run("r")
    assert script.connections == 1
    assert [(method, path, headers["Authorization"]) for method, path, headers, _ in script.asked] == [
        ("GET", "/runs/r", f"Bearer {TOKEN}")
    ] * 3


@pytest.mark.parametrize("error", [errors.Throttled("x"), errors.TryAgain("x")])
def test_a_read_is_tried_again_when_the_api_says_so_and_after_as_long(
    api: HttpApi, script: Script, pauses: list[float], error: Exception
) -> None:
    script.refuse(error)
    script.tell(502)
    script.tell(200, RUN)
    assert api.run("r").run_id == "r"
    assert pauses == [2.0, 1.0]


def test_a_long_pause_that_is_asked_for_is_cut(api: HttpApi, script: Script, pauses: list[float]) -> None:
    script.tell(503, **{"Retry-After": "3600"})
    script.tell(200, RUN)
    api.run("r")
    assert pauses == [10.0]


def test_a_few_tries_are_enough(api: HttpApi, script: Script) -> None:
    for _ in range(TRIES):
        script.refuse(errors.TryAgain("x"))
    with pytest.raises(errors.TryAgain, match=r"answered 503: A service .* \(request request-1\)"):
        api.run("r")
    assert len(script.asked) == TRIES


def test_a_body_that_api_gateway_cannot_hand_on_is_not_sent(api: HttpApi, script: Script) -> None:
    with pytest.raises(TooLarge, match="as text within JSON"):
        api.put_workflow("w", {"tasks": ["a"] * 1_000_000})
    assert script.asked == []


def test_schedules_that_are_not_placed_are_told_as_the_api_tells_them(api: HttpApi, script: Script) -> None:
    for _ in range(TRIES):
        script.refuse(errors.SchedulesNotPlaced("workflow 'w' is pushed as version 2, but not all"))
    with pytest.raises(errors.SchedulesNotPlaced, match=r"^workflow 'w' is pushed as version 2, but not all$"):
        api.put_workflow("w", {})


def test_a_connection_that_breaks_is_opened_anew_for_what_may_be_repeated(api: HttpApi, script: Script) -> None:
    script.hang_up()
    script.tell(201, RUN)
    assert api.start_run(m.StartRun(workflow="w"), "key").run_id == "r"
    first, second = script.asked
    assert first[2]["Idempotency-Key"] == second[2]["Idempotency-Key"] == "key"
    assert first[3] == second[3] == b'{"workflow":"w"}'


@pytest.mark.parametrize(
    "act",
    [
        lambda api: api.create_token(m.NewToken(name="n", scope="read")),
        lambda api: api.cancel("r", m.Cancel()),
        lambda api: api.redrive("r", m.Redrive()),
        lambda api: api.put_workflow("w", {}, if_match="etag"),
    ],
)
def test_what_would_be_another_thing_the_second_time_is_sent_once(api: HttpApi, script: Script, act: Any) -> None:
    script.hang_up()
    with pytest.raises(errors.TryAgain, match="no answer from the API"):
        act(api)
    assert len(script.asked) == 1


def test_an_api_that_is_not_there_is_told_with_its_address(pauses: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    api = HttpApi(address, TOKEN, wire=Wire(address, {}, sleep=pauses.append))
    with pytest.raises(errors.TryAgain, match=f"no answer from the API at {address}"):
        api.health()
    assert len(pauses) == TRIES - 1


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownRun("there is no run 'r'; did you mean 'q'?"),
        errors.UnknownTask("no"),
        errors.UnknownEpoch("no"),
        errors.UnknownWorkflow("no"),
        errors.UnknownSchedule("no"),
        errors.UnknownToken("no"),
        errors.WrongState("no"),
        errors.IdempotencyConflict("no"),
        errors.PreconditionFailed("no"),
        errors.BadPage("no"),
        errors.NotAllowed("no"),
        errors.UserMistake("params.x must be 1 or more, not 0"),
    ],
)
def test_a_refusal_is_the_same_error_here_as_it_was_there(api: HttpApi, script: Script, error: Exception) -> None:
    script.refuse(error)
    with pytest.raises(errors.UserMistake) as raised:
        api.run("r")
    assert (type(raised.value), str(raised.value)) == (type(error), str(error))


def test_the_mistakes_of_a_workflow_come_back_with_their_places(api: HttpApi, script: Script) -> None:
    definition = {"name": "w", "tasks": {"0": {"command": ["a", "${"]}, "a/b~c": {}}}
    mistakes = [
        Mistake(("tasks", "0", "command", 1), "command[1] holds ...", "write '$${'"),
        Mistake(("tasks", "a/b~c"), "is no name", at_key=True),
        Mistake((), "there is more"),
    ]
    script.refuse(errors.InvalidWorkflow(mistakes))
    with pytest.raises(errors.InvalidWorkflow) as raised:
        api.put_workflow("w", definition)
    assert raised.value.mistakes == mistakes


@pytest.mark.parametrize("status", [401, 403])
def test_what_the_gateway_refuses_is_about_the_token(api: HttpApi, script: Script, status: int) -> None:
    script.tell(status, NO_TOKEN, **{"Content-Type": "application/json"})
    with pytest.raises(errors.NotAllowed, match="does not take this token: it is wrong, revoked or past its end"):
        api.run("r")


def test_what_fails_inside_is_not_asked_again(api: HttpApi, script: Script) -> None:
    script.refuse(ValueError("secret"))
    with pytest.raises(errors.TryAgain, match=r"answered 500: Something went wrong inside") as raised:
        api.run("r")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("body", [b"<html>", b'{"run_id": "r"}', b"[]"])
def test_an_answer_of_something_else_is_told_in_a_sentence(api: HttpApi, script: Script, body: bytes) -> None:
    script.answers.append((200, {}, body))
    with pytest.raises(errors.TryAgain, match=r"no JSON|does not understand"):
        api.run("r")


@pytest.mark.parametrize("name", ["..", "", "a/b", "a?b", "a b", "ü", "a" * 129, "films\n"])
def test_a_name_that_could_lead_elsewhere_is_not_asked_for(api: HttpApi, script: Script, name: str) -> None:
    with pytest.raises(errors.UnknownRun):
        api.cancel(name, m.Cancel())
    with pytest.raises(errors.UnknownWorkflow):
        api.workflow(name)
    assert script.asked == []


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ftp://x", "must be like https://HOST/api"),
        ("films", "must be like https://HOST/api"),
        ("https://user:pass@x/api", "must be like https://HOST/api"),
        ("https://x/api?a=1", "must be like https://HOST/api"),
        ("http://example.com/api", "would send the token in clear"),
        ("https://x:99999/api", "no port that can be"),
    ],
)
def test_an_address_is_looked_at_before_a_token_is_sent_to_it(address: str, told: str) -> None:
    with pytest.raises(errors.UserMistake, match=told):
        HttpApi(address, TOKEN)


@pytest.mark.parametrize("around", ["\n", "\r", "\r\n", " ", "\t"])
def test_space_around_a_token_is_no_part_of_it(script: Script, around: str) -> None:
    script.tell(200, {"status": "ok", "stage": "s", "version": "1"})
    HttpApi(script.address, f"{around}{TOKEN}{around}").health()
    ((_, _, headers, _),) = script.asked
    assert headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("token", ["", "t", f"{TOKEN}0", TOKEN[:-1], f"Bearer {TOKEN}", TOKEN.replace("a", "ä"), "\n"])
def test_what_is_no_token_is_refused_without_being_shown(script: Script, token: str) -> None:
    with pytest.raises(errors.UserMistake) as refused:
        HttpApi(script.address, token)
    assert str(refused.value) == "that is no token: one is 'bw_', 16 hex digits, '_' and 64 hex digits"


@pytest.mark.parametrize("value", ["two\nlines", "carriage\r", "ключ", "caf\xe9", "nil\0"])
def test_a_header_that_cannot_be_sent_is_a_mistake_without_its_value(api: HttpApi, script: Script, value: str) -> None:
    mistakes = []
    for act in (
        lambda: api.start_run(m.StartRun(workflow="w"), value),
        lambda: api.put_workflow("w", {}, if_match=value),
        lambda: api.delete_workflow("w", if_match=value),
    ):
        with pytest.raises(errors.UserMistake) as refused:
            act()
        assert refused.value.__context__ is None
        mistakes.append(str(refused.value))
    rule = "must be ASCII without control characters such as line ends; what was given is not"
    assert mistakes == [f"Idempotency-Key {rule}", f"If-Match {rule}", f"If-Match {rule}"]
    assert script.asked == []


@pytest.mark.parametrize("address", ["https://films..example/api", f"https://{'x' * 64}.example"])
def test_an_address_that_no_request_can_name_is_a_mistake_without_the_token(address: str) -> None:
    with pytest.raises(errors.UserMistake, match="no request can be made for the API's address") as refused:
        HttpApi(address, TOKEN).health()
    assert refused.value.__suppress_context__ is True
    assert TOKEN not in str(refused.value)
