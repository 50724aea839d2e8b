"""The forms of names that several parts must agree on."""

from __future__ import annotations

import re

PERSON_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""An account's name: also a folder, a part of a path and of a container's name, so it stays plain."""
