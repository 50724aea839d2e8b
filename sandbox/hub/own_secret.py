"""Secrets that only the hub itself uses."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32


def own_secret(path: Path) -> str:
    """Return the hex secret in ``path``, made at first use with mode 0600."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    text = secrets.token_hex(SECRET_BYTES)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return text
