"""In which language a page speaks: the one chosen there, else the browser's, else English.

Texts of templates go through ``_``; texts that Python holds go through the filter ``said`` and are
marked with :func:`translatable` where they stand. A catalogue is one ``.po`` file, compiled when it
is first used, so that what translators edit is what runs. A text that a catalogue lacks stays English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from gettext import NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES: Final = {"en": "English", "zh-CN": "简体中文"}
"""Each language by its tag (BCP 47), named in itself."""
DEFAULT: Final = "en"
COOKIE: Final = "sandbox-language"
COOKIE_SECONDS: Final = 365 * 24 * 3600
MOST_PREFERENCES: Final = 20
"""Entries of an Accept-Language header that are looked at."""
LONGEST_SENTENCE: Final = 600
"""Characters of a sentence that is compared with those that have places."""
MOST_REMEMBERED: Final = 4096
_PLACE: Final = re.compile(r"\{(\d)(!?)\}")
_SPLIT: Final = re.compile(r"\{\d\}")


def translatable(text: str) -> str:
    """Return ``text``; marks it for the catalogues, which are looked up where it is shown."""
    return text


def choose(*, cookie: str, accept: str) -> str:
    """Return the language of a page.

    Args:
        cookie: what the person chose; anything else than one of :data:`LANGUAGES` counts as no choice.
        accept: the browser's Accept-Language (RFC 9110), which may be empty.
    """
    if cookie in LANGUAGES:
        return cookie
    for tag in _preferred(accept):
        primary = tag.partition("-")[0].lower()
        # Written Chinese of any region is nearer to its readers than English.
        match = next((known for known in LANGUAGES if known.partition("-")[0] == primary), None)
        if match is not None:
            return match
    return DEFAULT


def said(language: str) -> Callable[[str], str]:
    """Return what says a text of Python's in ``language``.

    Findings and refusals are stored and signed as English sentences, with amounts and names already in
    them. A catalogue has such a sentence with ``{1}``, ``{2}`` in their places; what stands there is
    carried over as it is; where a translation writes ``{1!}`` it is one of our own words and is said too.
    """
    catalogue = translations(language)

    @lru_cache(maxsize=MOST_REMEMBERED)
    def say(text: str) -> str:
        # An empty text is the catalogue's own header.
        known = catalogue.gettext(text) if text else ""
        if known != text or len(text) > LONGEST_SENTENCE:
            return known
        for pattern, translated in _sentences(language):
            found = pattern.fullmatch(text)
            if found is not None:
                plain = found.groups()
                carried = partial(_carried, plain, [catalogue.gettext(part) for part in plain])
                return _PLACE.sub(carried, translated)
        return text

    return say


@cache
def translations(language: str) -> NullTranslations:
    """Return the catalogue of ``language``; English is the texts themselves."""
    if language == DEFAULT:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, _catalogue(language))
    compiled.seek(0)
    return Translations(compiled)


def _catalogue(language: str) -> Catalog:
    place = files("sandbox.web") / "locale" / f"{language}.po"
    return read_po(BytesIO(place.read_bytes()), locale=language.replace("-", "_"))


def language_cookie(language: str) -> str:
    """Return the Set-Cookie value that keeps a choice; no script and no other site reads it."""
    return f"{COOKIE}={language}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax"


@cache
def _sentences(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the sentences with places, the one with most words of its own first."""
    if language == DEFAULT:
        return ()
    texts = {
        message.id: message.string
        for message in _catalogue(language)
        if isinstance(message.id, str) and message.string and _PLACE.search(message.id)
    }
    return tuple(
        (_pattern(text), str(texts[text]))
        for text in sorted(texts, key=lambda text: (-len(_PLACE.sub("", text)), text))
    )


def _pattern(text: str) -> re.Pattern[str]:
    """Return what recognizes a sentence; its places are numbered from 1 in their order."""
    return re.compile("(.+?)".join(map(re.escape, _SPLIT.split(text))), re.DOTALL)


def _carried(plain: Sequence[str], known: Sequence[str], place: re.Match[str]) -> str:
    return (known if place[2] else plain)[int(place[1]) - 1]


def _preferred(accept: str) -> list[str]:
    """Return the tags of an Accept-Language header, the most wanted first; what is malformed is left out."""
    found: list[tuple[float, str]] = []
    for part in accept.split(",")[:MOST_PREFERENCES]:
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter.strip() else 1.0
        except ValueError:
            continue
        if tag and 0 < quality <= 1:
            found.append((quality, tag.strip()))
    return [tag for _, tag in sorted(found, key=lambda one: -one[0])]
