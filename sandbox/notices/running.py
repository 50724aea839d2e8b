"""The follower and the couriers of one serving process, in threads of their own."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from sandbox.audit.keys import private_text
from sandbox.errors import where
from sandbox.governance import accounts
from sandbox.governance.installation import Books
from sandbox.notices.courier import Carrier, Courier
from sandbox.notices.follower import Follower
from sandbox.notices.mail import Mailer
from sandbox.notices.webhook import Webhook, read_secret
from sandbox.policy.notifications import NotificationsPolicy
from sandbox.policy.policies import Policies
from sandbox.settings import Settings

EVERY = 1.0
"""Seconds between looks at the log."""
REMINDED_EVERY = 60.0
"""Seconds between looks at what is due."""
MAIL_PASSWORD = "mail-password"  # noqa: S105  # the name of its key file
log = logging.getLogger("sandbox.notices")


class Notices:
    """Tells people what happens, from :meth:`start` to :meth:`end`.

    Args:
        settings: where the key files are.
        books: the state and its clock.
        policies: who may review what.
        notifications: reminders, mail and webhooks.

    Raises:
        StartupRefusal: a key file is missing or not fit.
    """

    def __init__(
        self, settings: Settings, *, books: Books, policies: Policies, notifications: NotificationsPolicy
    ) -> None:
        self.follower = Follower(
            engine=books.engine,
            policies=policies,
            people=lambda: accounts.groups_by_name(books.engine),
            review_time=timedelta(hours=notifications.review_hours),
            clock=books.clock,
        )
        self.couriers = [
            Courier(name, engine=books.engine, carrier=carrier)
            for name, carrier in carriers(settings, notifications).items()
        ]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin where it was left, or at the present end of the log."""
        self.follower.begin()
        for courier in self.couriers:
            courier.start()
        self._thread.start()

    def end(self, *, patience: float) -> None:
        """Stop within ``patience`` seconds; what is left is told after the next start."""
        self._ending.set()
        for courier in self.couriers:
            courier.end(patience=patience)
        self._thread.join(patience)

    def _run(self) -> None:
        reminded = -REMINDED_EVERY
        while not self._ending.wait(EVERY):
            try:
                self.follower.follow()
                if time.monotonic() - reminded >= REMINDED_EVERY:
                    self.follower.remind()
                    reminded = time.monotonic()
            except Exception as fault:  # noqa: BLE001  # one failed look must not end all later ones
                log.error("notices: %s", where(fault))  # noqa: TRY400  # its text may hold data
            for courier in self.couriers:
                courier.wake()


def carriers(settings: Settings, notifications: NotificationsPolicy) -> dict[str, Carrier]:
    """Return who carries notices outside, by the name under which their place is kept.

    Raises:
        StartupRefusal: a key file is missing or not fit.
    """
    found: dict[str, Carrier] = {}
    mail = notifications.mail
    if mail is not None:
        password = private_text(settings.keys / MAIL_PASSWORD) if mail.login is not None else ""
        found["mail"] = Mailer(policy=mail, password=password, console=settings.console_url)
    for name, policy in notifications.webhooks.items():
        secret = read_secret(private_text(settings.keys / f"webhook-{name}"), name=name)
        found[f"webhook:{name}"] = Webhook(policy=policy, secret=secret)
    return found
