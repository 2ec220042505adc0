"""What an error of AWS means: that a service, or a key that it asks KMS for, is asked too often passes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.answers import meaning_of
from chalicelib.aws.named_queues import NamedQueues
from chalicelib.core.errors import Throttled

SERVICES = ("sns", "sqs", "events", "dynamodb", "batch", "logs", "scheduler", "secretsmanager", "ssm")


def error_of(code: str) -> ClientError:
    # The status tells nothing: these come as 400.
    return ClientError(
        {"Error": {"Code": code, "Message": "slower"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Ask"
    )


def throttles() -> Iterator[str]:
    """The codes of the errors of the services we ask that tell of throttling, as botocore knows them."""
    session = botocore.session.get_session()
    for service in SERVICES:
        model = session.get_service_model(service)
        for name in model.shape_names:
            metadata = getattr(model.shape_for(name), "metadata", {})
            if metadata.get("exception") and "throttl" in name.lower():
                yield name
                yield metadata.get("error", {}).get("code", name)


@pytest.mark.parametrize("code", sorted({*throttles(), "KMS.ThrottlingException", "OverLimit"}))
def test_what_is_asked_too_often_is_tried_again(code: str) -> None:
    assert isinstance(meaning_of(error_of(code), "Ask"), Throttled)


@pytest.mark.parametrize("code", ["KmsAccessDenied", "KMSDisabled", "AccessDenied", "InvalidParameter"])
def test_a_refusal_for_good_is_left_to_the_service_s_own_module(code: str) -> None:
    assert meaning_of(error_of(code), "Ask") is None


def test_a_run_s_queue_whose_key_is_used_too_often_loses_no_notice() -> None:
    class Queues:
        def get_queue_url(self, **_: Any) -> dict[str, str]:
            return {"QueueUrl": "http://127.0.0.1/mine"}

        def send_message(self, **_: Any) -> None:
            raise error_of("KmsThrottled")

    with pytest.raises(Throttled):
        NamedQueues(Queues).send("mine", "body", {})
