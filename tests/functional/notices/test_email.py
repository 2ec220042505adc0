"""A notice in a mailbox. No emulator of SNS sends mail, so SNS's part is played here: moto picks the body that an
e-mail subscription gets, this module puts it into a mail as SNS does, and a real SMTP server receives that.

It shows that the body is the one for e-mail, and that a mail made of it travels and reads as it should. It does not
show what SNS's own mailer makes of it.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from moto import mock_aws
from moto.sns import sns_backends

from chalicelib.aws.named_queues import NamedQueues
from chalicelib.aws.sns import SnsNotices
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.publication import bodies
from tests.contract import servers
from tests.notices import NOTICES, OUT_OF_MEMORY
from tests.receivers import MailReceiver, mail_receiver

pytestmark = pytest.mark.long

FOOTER = "\n\n--\nIf you wish to stop receiving notifications from this topic, visit the link below.\n"
LINE_BYTES_MAXIMUM = 998
"""RFC 5322, 2.1.1."""


@pytest.fixture
def mailbox() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


def mailed(notice: Notice, mailbox: MailReceiver) -> EmailMessage:
    """Publish a notice to a topic with an e-mail subscription; the mail that arrived."""
    with mock_aws():
        sns = servers.client("sns")
        topic_arn = sns.create_topic(Name="notices")["TopicArn"]
        sns.subscribe(TopicArn=topic_arn, Protocol="email", Endpoint="ada@example.com")
        SnsNotices(sns, topic_arn, NamedQueues(lambda: None)).publish(notice)
        backend: Any = sns_backends["123456789012"]["us-east-1"]
        [(_, message, subject, *_)] = backend.topics[topic_arn].sent_notifications
        [subscription] = backend.subscriptions.values()
        body = subscription._parse_message_structure(message, "email")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "no-reply@sns.example", "ada@example.com", subject
    mail.set_content(body + FOOTER)
    with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=5) as smtp:
        smtp.send_message(mail)
    return mailbox.mails[-1]


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_mail_of_every_kind_arrives_as_it_was_written(kind: NoticeKind, mailbox: MailReceiver) -> None:
    mail = mailed(NOTICES[kind], mailbox)
    text = mail.get_content().replace("\r\n", "\n")
    assert text.removesuffix(FOOTER).rstrip("\n") == bodies(NOTICES[kind])["email"].rstrip("\n")
    assert text.startswith(NOTICES[kind].subject)
    assert mail["Subject"].endswith("(prod)")
    assert "batchwright " in text


def test_a_mail_keeps_letters_of_any_language_and_none_that_a_terminal_obeys(mailbox: MailReceiver) -> None:
    job = replace(OUT_OF_MEMORY, log_lines=("Amélie 映画 🎬", "\x1b[31mred\x1b[0m\x07", "x" * 5_000))
    mail = mailed(replace(NOTICES[NoticeKind.RUN_FAILED], subject="Amélie failed", jobs=(job,)), mailbox)
    text = mail.get_content()
    assert mail["Subject"] == "[error] Amelie failed (prod)"
    assert "| Amélie 映画 🎬" in text
    assert "| red" in text
    assert "\x1b" not in text and "\x07" not in text
    assert all(len(line) <= LINE_BYTES_MAXIMUM for line in mailbox.raw[-1].splitlines())
    assert all(len(line.encode()) <= LINE_BYTES_MAXIMUM for line in text.splitlines())
