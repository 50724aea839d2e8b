"""Notices leave only where the policy says, safely, with secrets from key files."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from sandbox.errors import StartupRefusal
from sandbox.notices.running import carriers
from sandbox.notices.webhook import read_secret
from sandbox.policy.load import PolicyMistakes, load_notifications
from sandbox.policy.notifications import MailPolicy, NotificationsPolicy, WebhookPolicy
from sandbox.settings import Settings

SECRET = bytes(range(32))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook", "ftp://localhost/", "https://ana:secret@example.org/", "https:///hook",
        "http://localhost.example.org/", "https://example.org:x/", "https://example.org/#a", "http://2130706433/",
    ],
)  # fmt: skip
def test_a_webhook_is_https_or_on_the_loopback(url: str) -> None:
    with pytest.raises(ValidationError):
        WebhookPolicy.model_validate({"url": url})


def test_mail_in_the_clear_is_for_the_loopback_and_never_with_a_password() -> None:
    clear = {"host": "127.0.0.1", "tls": "none", "sender": "a@example.org"}
    assert MailPolicy.model_validate(clear).tls == "none"
    for wrong in ({"host": "mail.example.org"}, {"login": "sandbox"}, {"sender": "a@b\nBcc: c@d"}):
        with pytest.raises(ValidationError):
            MailPolicy.model_validate(clear | wrong)


def test_secrets_come_from_key_files_that_only_their_owner_reads(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.keys.mkdir()
    policy = NotificationsPolicy.model_validate({"webhooks": {"room": {"url": "https://example.org/hook"}}})
    with pytest.raises(StartupRefusal):
        carriers(settings, policy)
    secret = settings.keys / "webhook-room"
    secret.write_text(f"whsec_{base64.b64encode(SECRET).decode()}\n")
    secret.chmod(0o644)
    with pytest.raises(StartupRefusal, match="0600"):
        carriers(settings, policy)
    secret.chmod(0o600)
    assert list(carriers(settings, policy)) == ["webhook:room"]


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "c2VjcmV0", "whsec_%%%"])
def test_a_weak_secret_stops_the_start(text: str) -> None:
    with pytest.raises(StartupRefusal, match="webhook-room"):
        read_secret(text, name="room")


def test_a_mistake_in_the_file_is_named_and_no_file_means_the_console_alone(tmp_path: Path) -> None:
    assert load_notifications(tmp_path) == NotificationsPolicy()
    (tmp_path / "notifications.toml").write_text(
        '[mail]\nhost = "mail.example.org"\nsneder = "a@example.org"\n'
    )
    with pytest.raises(PolicyMistakes, match="Did you mean 'sender'"):
        load_notifications(tmp_path)
