"""The account and region that a deployment speaks to, and what AWS's refusals mean in a sentence.

Credentials are boto3's own: a profile, the environment, or what the machine has. AWS_ENDPOINT_URL may name an endpoint,
as everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore import exceptions as aws

from batchwright.deploy.policies import Place
from chalicelib.core.errors import BatchwrightError, UserMistake

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"}
_MISSING = {"404", "NoSuchBucket", "NoSuchEntity", "NotFound", "ResourceNotFound", "ResourceNotFoundException"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}


class DeployError(BatchwrightError):
    """AWS did not do its part: the text says what, where, and what to do about it. Ends a command with 1."""


@dataclass(frozen=True)
class Account:
    """An account and a region, by the credentials of a profile or of the environment."""

    profile: str | None = None
    region_wanted: str | None = None

    @cached_property
    def session(self) -> Any:
        return boto3.session.Session(
            profile_name=self.profile, region_name=self.region_wanted or os.environ.get("AWS_REGION")
        )

    @cached_property
    def region(self) -> str:
        """The region. Raises UserMistake when none is named anywhere."""
        found: str | None = self.session.region_name
        if not found:
            raise UserMistake("no region is set: give --region, set AWS_DEFAULT_REGION, or put one into the profile")
        return found

    def client(self, service: str) -> Any:
        return self.session.client(service, region_name=self.region)

    def has(self, service: str, call: str, **arguments: Any) -> bool:
        """Whether something is there, by a call of a client that fails if it is not."""
        try:
            getattr(self.client(service), call)(**arguments)
        except aws.ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True

    def place(self, stage: str) -> Place:
        """Where a stage is in this account. Asks AWS who we are."""
        identity = self.client("sts").get_caller_identity()
        partition = identity["Arn"].split(":")[1]
        return Place(stage, identity["Account"], self.region, partition)

    def environment(self) -> dict[str, str]:
        """This process's variables for a child that is to speak to the same account and region."""
        chosen = {"AWS_DEFAULT_REGION": self.region, "AWS_REGION": self.region}
        return {**os.environ, **chosen, **({"AWS_PROFILE": self.profile} if self.profile else {})}


@contextmanager
def plainly(account: Account) -> Iterator[None]:
    """Turn what botocore raises into a DeployError or a UserMistake of one sentence."""
    try:
        yield
    except (aws.BotoCoreError, aws.ClientError) as error:
        raise sentence(error, account.profile) from error


def sentence(error: Exception, profile: str | None) -> BatchwrightError:
    """What an error of botocore means to whoever gave the command."""
    of_profile = f" of the profile '{profile}'" if profile else ""
    login = f"aws sso login{f' --profile {profile}' if profile else ''}"
    match error:
        case aws.ProfileNotFound():
            return UserMistake(f"{error}; `aws configure list-profiles` lists those that there are")
        case aws.NoCredentialsError() | aws.PartialCredentialsError() | aws.CredentialRetrievalError():
            return DeployError(
                "no AWS credentials were found: give --profile, set AWS_PROFILE, or sign in with `aws configure sso`"
            )
        case aws.TokenRetrievalError() | aws.SSOTokenLoadError() | aws.UnauthorizedSSOTokenError():
            return DeployError(f"the sign-in{of_profile} has expired: run `{login}` and try again")
        case aws.EndpointConnectionError() | aws.ConnectTimeoutError() | aws.ReadTimeoutError():
            return DeployError(f"AWS cannot be reached: {error}; is the region right, and the network up?")
        case aws.WaiterError():
            return DeployError(f"AWS did not finish: {error}")
        case aws.ClientError():
            return _of_answer(error, of_profile, login)
    return DeployError(f"AWS could not be asked: {error}")


def _of_answer(error: Any, of_profile: str, login: str) -> BatchwrightError:
    code = error.response["Error"].get("Code", "")
    text = error.response["Error"].get("Message", "")
    if code in _EXPIRED:
        return DeployError(f"the AWS credentials{of_profile} have expired: get new ones (`{login}`) and try again")
    if code in _UNKNOWN:
        return DeployError(f"AWS does not know the credentials{of_profile} ({code}): are they of another account?")
    if code in _DENIED:
        return DeployError(
            f"the credentials{of_profile} lack a permission for {error.operation_name}: {text} "
            "(docs/deploy.md lists what a deployer needs)"
        )
    return DeployError(f"{error.operation_name} was refused: {code}: {text}")
