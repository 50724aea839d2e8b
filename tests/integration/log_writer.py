"""A process that appends to a log until it is killed, and says which records were acknowledged.

Run by the tests of the log; not a test itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, load_secret
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.settings import Settings
from sandbox.store.engine import open_state


def main(home: Path, name: str, count: int) -> None:
    log = Log(
        open_state(Settings(home=home)),
        signer=KeySigner(SigningKey.load(home / "log"), state=home / "signed"),
        private_key=load_secret(home / "private"),
    )
    for number in range(count):
        subject = f"{name}-{number}"
        seq = log.append(Event(kind=Kind.QUESTION_INTENT, actor=name, subject=subject), private="SELECT 1")
        sys.stdout.write(f"{seq} {subject}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
