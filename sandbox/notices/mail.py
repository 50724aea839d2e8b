"""Notices by mail: SMTP submission with STARTTLS (RFC 6409, RFC 3207), one message to one person."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from sandbox.notices.courier import NotDelivered, PutOff, RefusedForGood
from sandbox.notices.notice import Notice
from sandbox.policy.notifications import MailPolicy

ANSWER_SECONDS = 20.0
"""Seconds for each answer of the server."""
_FOR_GOOD = 500
"""First of the replies that say never (RFC 5321, 4.2.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailer:
    """Hands notices to a mail server."""

    policy: MailPolicy
    password: str
    """Empty where the server asks for none."""
    console: str
    """Address of the console, for the link."""

    def carry(self, notice: Notice) -> None:
        """Send one mail; see :class:`sandbox.notices.courier.Carrier`."""
        address = self.policy.address_of(notice.person) if notice.person else ""
        if not address:
            return
        try:
            with smtplib.SMTP(self.policy.host, self.policy.port, timeout=ANSWER_SECONDS) as server:
                if self.policy.tls == "starttls":
                    # Raises where the server does not offer it; nothing is sent in the clear instead.
                    server.starttls(context=ssl.create_default_context(cafile=self.policy.ca))
                if self.policy.login is not None:
                    server.login(self.policy.login, self.password)
                server.send_message(self.message(notice, address))
        except smtplib.SMTPRecipientsRefused as refusal:
            raise _outcome(max(code for code, _ in refusal.recipients.values())) from None
        except smtplib.SMTPDataError as refusal:
            raise _outcome(refusal.smtp_code) from None
        except (OSError, smtplib.SMTPException) as fault:
            # By type only: a server's text may repeat what it was sent.
            raise NotDelivered(f"The mail server did not take it ({type(fault).__name__}).") from None

    def message(self, notice: Notice, address: str) -> EmailMessage:
        """Return the mail: one sentence and where to look."""
        message = EmailMessage()
        message["From"] = self.policy.sender
        message["To"] = address
        message["Subject"] = f"[sandbox] Request {notice.request}: {notice.about.replace('-', ' ')}"
        message["Date"] = format_datetime(datetime.fromisoformat(notice.at))
        message["Message-ID"] = f"<{notice.id}@{self.policy.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday reply comes back
        message.set_content(f"{notice.sentence}\n\nLook at it at {self.console}\n")
        return message


def _outcome(code: int) -> PutOff | RefusedForGood:
    sentence = f"The mail server answered {code}."
    return RefusedForGood(sentence) if code >= _FOR_GOOD else PutOff(sentence)
