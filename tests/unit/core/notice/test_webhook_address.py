"""Where the address of a Slack webhook is kept, and that the address itself is never said."""

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.webhook_address import Keeper, WebhookPlace, checked_address, read_webhook_place

ADDRESS = "https://hooks.slack.com/services/T01/B02/planted-secret"
PLACE = WebhookPlace(Keeper.SECRETS_MANAGER, "slack")


@pytest.mark.parametrize(
    ("text", "keeper", "name"),
    [
        ("secret:batchwright-slack", Keeper.SECRETS_MANAGER, "batchwright-slack"),
        ("secret:team/slack", Keeper.SECRETS_MANAGER, "team/slack"),
        ("/team/slack", Keeper.SSM, "/team/slack"),
        (
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf",
            Keeper.SECRETS_MANAGER,
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf",
        ),
        (
            "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/slack",
            Keeper.SSM,
            "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/slack",
        ),
    ],
)
def test_a_place_is_a_secret_or_a_parameter_by_its_name_or_arn(text: str, keeper: Keeper, name: str) -> None:
    assert read_webhook_place(text) == WebhookPlace(keeper, name)
    assert str(read_webhook_place(text)) == text


@pytest.mark.parametrize(
    "text", [ADDRESS, "hooks.slack.com/services/planted-secret", "T01/B02/planted-secret", "", "secret:"]
)
def test_the_address_in_place_of_its_place_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UserMistake, match="aws secretsmanager create-secret") as mistake:
        read_webhook_place(text)
    assert "planted" not in str(mistake.value)


def test_an_address_of_slack_is_taken() -> None:
    for address in (ADDRESS, ADDRESS.replace("slack.com", "slack-gov.com")):
        assert checked_address(f"{address}\n", PLACE) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.slack.com/services/planted",
        "https://hooks.slack.com.evil.example/planted",
        "https://hooks.slack-gov.com.evil.example/planted",
        "https://hooks.slack-gov.co/planted",
        "https://hooks.slack.com@evil.example/planted",
        "https://evil.example/hooks.slack.com/planted",
        "https://hooks.slack.com:8443/planted",
        "https://user@hooks.slack.com/planted",
        "https://hooks.slack.com/planted\r\nHost: evil",
        "https://[planted",
        "http://127.0.0.1:1/planted",
        '{"url": "https://hooks.slack.com/planted"}',
        "",
    ],
)
def test_any_other_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UserMistake, match="secret:slack") as mistake:
        checked_address(address, PLACE)
    assert "planted" not in str(mistake.value) + repr(mistake.value.__context__)


def test_this_machine_is_an_address_for_tests_alone() -> None:
    assert checked_address("http://127.0.0.1:1/x", PLACE, loopback=True) == "http://127.0.0.1:1/x"
    for address in ("http://evil.example/x", "https://127.0.0.1/x", "http://127.0.0.1@evil.example/x"):
        with pytest.raises(UserMistake):
            checked_address(address, PLACE, loopback=True)
