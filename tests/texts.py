"""Every text that the console shows to people, gathered from where it stands.

Run as a program it adds what a catalogue lacks, with an empty translation, and drops what nobody says
any more: ``python tests/texts.py zh-CN``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from sandbox.notices.notice import SENTENCES as SENTENCES_OF_NOTICES
from sandbox.review.disclosure.checks import CHECKS
from sandbox.review.status import Party, Status
from sandbox.web.render import environment

ROOT = Path(__file__).parents[1] / "sandbox"
LOCALE = ROOT / "web" / "locale"
Message = str | tuple[str, str]
SENTENCES = {"sentence", "fix", "allowed"}
"""Keyword arguments that are sentences for people wherever they stand."""
REFUSING = {
    "Conflict", "Malformed", "Misdirected", "NotAllowed", "NotAuthenticated", "NotFound", "TooLarge",
    "TooOften", "Unavailable", "UnsupportedMedia", "refused",
}  # fmt: skip
"""What is made with a code and then a sentence."""
SPEAKING = ("web/**/*.py", "review/**/*.py", "governance/watch.py")
"""Modules whose refusals, findings and alarms people read on the console's pages."""


def messages() -> set[Message]:
    """Return every text, a plural as both of its forms."""
    found: set[Message] = set(of_templates()) | {check.title for check in CHECKS.values()}
    for modules in SPEAKING:
        for path in ROOT.glob(modules):
            found |= set(of_module(path))
    found |= set(SENTENCES_OF_NOTICES.values())
    found |= {status.said for status in Status} | {str(party) for party in Party}
    return {message for message in found if re.search(r"[A-Za-z]", re.sub(r"\{\d\}", "", str(message)))}


def of_templates() -> Iterator[Message]:
    for path in sorted((ROOT / "web" / "templates").glob("*.html")):
        for _, _, message in environment("en").extract_translations(path.read_text()):  # type: ignore[attr-defined]  # added by the extension
            parts = [part for part in message if isinstance(part, str)] if isinstance(message, tuple) else []
            yield (parts[0], parts[1]) if len(parts) > 1 else parts[0] if parts else message


def of_module(path: Path) -> Iterator[str]:
    """Yield the marked texts, the refusals and the findings of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            spoken = [one.value for one in node.keywords if one.arg in SENTENCES]
            spoken += node.args[:1] if name == "translatable" else node.args[1:2] if name in REFUSING else []
            yield from (text for one in spoken if (text := written(one)))


def written(node: ast.expr) -> str:
    """Return a text as a catalogue has it: what is put in when it is said is ``{1}``, ``{2}``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    places = iter(range(1, 10))
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"{{{next(places)}}}" for part in node.values
    )


def catalogue(language: str) -> Catalog:
    return read_po(BytesIO((LOCALE / f"{language}.po").read_bytes()), locale=language.replace("-", "_"))


def renew(language: str) -> None:
    """Write the catalogue anew with exactly the texts there are."""
    known = {
        message.id[0] if isinstance(message.id, tuple) else message.id: message.string
        for message in (catalogue(language) if (LOCALE / f"{language}.po").exists() else ())
    }
    made = Catalog(locale=language.replace("-", "_"), fuzzy=False)
    for message in sorted(messages(), key=str):
        key = message[0] if isinstance(message, tuple) else message
        made.add(message, known.get(key, ("",) if isinstance(message, tuple) else ""))
    written_out = BytesIO()
    write_po(written_out, made, width=100, omit_header=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    (LOCALE / f"{language}.po").write_bytes(header.encode() + written_out.getvalue())


if __name__ == "__main__":
    renew(sys.argv[1])
