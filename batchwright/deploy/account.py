"""The account and region that a deployment speaks to.

Owns what a deployment needs to know of it. Whose credentials these are is cli/target.py's, and what AWS's refusals mean
in a sentence is cli/told.py's. AWS_ENDPOINT_URL may name an endpoint, as everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, NoCredentialsError

from batchwright.deploy.policies import Place
from chalicelib.core.errors import BatchwrightError

_MISSING = {
    "404",
    "NoSuchBucket",
    "NoSuchEntity",
    "NoSuchEntityException",
    "NotFound",
    "NotFoundException",
    "ResourceNotFound",
    "ResourceNotFoundException",
}
"""How services say that something is not there, each in its own word."""
_SOURCES = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
}
"""Variables that credentials are or come from."""


class DeployError(BatchwrightError):
    """AWS did not do its part: the text says what, where, and what to do about it. Ends a command with 1."""


def is_missing(error: ClientError) -> bool:
    """Whether AWS refuses because what the call is about is not there."""
    return error.response["Error"]["Code"] in _MISSING


@contextmanager
def gone_is_fine() -> Iterator[None]:
    """For a removal: it is no obstacle that somebody else, or a removal that was broken off, was first."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error):
            raise


@dataclass(frozen=True, slots=True)
class Account:
    """An account and a region: a boto3 session that has one, and the profile that was named for it."""

    session: Any
    profile: str | None = None

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    def client(self, service: str) -> Any:
        return self.session.client(service)

    def has(self, service: str, call: str, **arguments: Any) -> bool:
        """Whether something is there, by a call of a client that fails if it is not."""
        try:
            getattr(self.client(service), call)(**arguments)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True

    def place(self, stage: str) -> Place:
        """Where a stage is in this account. Asks AWS who we are."""
        identity = self.client("sts").get_caller_identity()
        partition = identity["Arn"].split(":")[1]
        return Place(stage, identity["Account"], self.region, partition)

    def environment(self) -> dict[str, str]:
        """This process's variables for a child that is to speak to the same account and region; never to be shown.

        The credentials are those of the session, resolved: a child that looked for them anew would let exported keys
        win over the profile. The profile is named beside them for its other settings, as an endpoint. Raises
        NoCredentialsError.
        """
        found = self.session.get_credentials()
        if found is None:
            raise NoCredentialsError
        keys = found.get_frozen_credentials()
        own = {name: value for name, value in os.environ.items() if name not in _SOURCES}
        own |= {"AWS_DEFAULT_REGION": self.region, "AWS_REGION": self.region}
        own |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        if keys.token:
            own["AWS_SESSION_TOKEN"] = keys.token
        if self.profile:
            own.pop("AWS_DEFAULT_PROFILE", None)
            own["AWS_PROFILE"] = self.profile
        return own
