"""Keeps the user's own AWS out of the local one: no variable, file or proxy of theirs leads a call off this machine.

Owns the variables that are added to an environment or taken out of it, and the clients of this package. What the local
AWS is made of is stack.py's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

CLOSED = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # A profile may say that endpoints are not to be taken from variables; ours must be.
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
}
"""Variables that shut every other source of credentials, endpoints and settings."""

_HARMLESS = frozenset({"AWS_PAGER", "AWS_DEFAULT_OUTPUT", "AWS_CLI_AUTO_PROMPT", "AWS_CA_BUNDLE"})
"""What leads nowhere: how the AWS CLI prints, and whom to trust."""

_LOOPBACK = "127.0.0.1,localhost"


def foreign(variables: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """The names among `variables` that may lead to another AWS than the one of `environment`."""
    return sorted(
        name
        for name in variables
        if name.startswith("AWS_") and name not in environment and name not in CLOSED and name not in _HARMLESS
    )


def past_proxies(variables: Mapping[str, str]) -> dict[str, str]:
    """What keeps calls to this machine off the proxies that `variables` name; a proxy stays in use for the rest."""
    before = variables.get("no_proxy") or variables.get("NO_PROXY") or ""
    after = before if before == "*" else ",".join(filter(None, (before, _LOOPBACK)))
    # Both spellings: programs differ in which one they read first.
    return {"NO_PROXY": after, "no_proxy": after}


def isolated(variables: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """A process's own `variables` without what leads to another AWS, and with `environment` on top."""
    unwanted = set(foreign(variables, environment))
    own = {name: value for name, value in variables.items() if name not in unwanted}
    return {**own, **past_proxies(variables), **CLOSED, **environment}


def enter(environment: Mapping[str, str]) -> None:
    """Make this process one of the local AWS: every client that is built from its variables reaches that alone."""
    wanted = isolated(os.environ, environment)
    for name in foreign(os.environ, environment):
        del os.environ[name]
    os.environ.update(wanted)


class LocalSession:
    """A session of the AWS that `environment` points at: it makes clients as boto3's own does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.region_name = environment["AWS_DEFAULT_REGION"]

    def client(self, service: str, config: Config | None = None) -> Any:
        return client(service, self._environment, config)


def client(service: str, environment: Mapping[str, str], config: Config | None = None) -> Any:
    """A boto3 client of the AWS that `environment` points at, whatever this process's own variables say."""
    direct = Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False)
    endpoint = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environment["AWS_ENDPOINT_URL"]
    return _session().client(
        service,
        endpoint_url=endpoint,
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=direct if config is None else config.merge(direct),
    )


def _give_up_on_what_is_gone(caught_exception: Exception | None = None, **_: object) -> None:
    """Raise at once if nobody listens at the endpoint: no server of this machine that has gone comes back there."""
    if isinstance(caught_exception, EndpointConnectionError):
        raise caught_exception


@cache
def _session() -> Any:
    """A session that reads no profile and no file of the user's."""
    nothing = (None, None, None, None)
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session = botocore.session.Session(session_vars={"profile": nothing, **files})
    session.get_component("event_emitter").register_first("needs-retry", _give_up_on_what_is_gone)
    return boto3.session.Session(botocore_session=session)
