"""How times, amounts and sizes are written in the language of a page.

Times in tables keep one form in every language, year first (ISO 8601, GB/T 7408): they line up, and
no reader takes a month for a day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal

PICO = 10**12
_KILO = 1000


def formats_of(language: str) -> dict[str, Callable[..., str]]:
    """Return the filters that templates of ``language`` use."""
    locale = language.replace("-", "_")

    def day(text: str) -> str:
        """Show the day of an ISO 8601 time as it stands in a sentence."""
        return format_date(datetime.fromisoformat(text).date(), format="long", locale=locale)

    def number(value: float) -> str:
        """Show an amount with the separators of the language."""
        return format_decimal(value, locale=locale)

    def size(value: int) -> str:
        """Show an amount of bytes with the unit that leaves a short number."""
        if value < _KILO:
            return f"{value} B"
        amount, unit = (value / _KILO, "kB") if value < _KILO**2 else (value / _KILO**2, "MB")
        return f"{format_decimal(round(amount, 1), locale=locale)} {unit}"

    def apart(text: str, now: datetime | None = None) -> str:
        """Show how far an ISO 8601 time lies from now, in words."""
        difference = datetime.fromisoformat(text).astimezone(UTC) - (now or datetime.now(UTC))
        return format_timedelta(difference, add_direction=True, locale=locale)

    return {"day": day, "number": number, "size": size, "apart": apart}


def when(text: str) -> str:
    """Show an ISO 8601 UTC time to the second; the page says once that times are UTC."""
    return text[:19].replace("T", " ")


def rho(picorho: int) -> str:
    """Show a loss in zCDP rho with six decimals, rounded down and never as an exponent."""
    whole, rest = divmod(picorho, PICO)
    return f"{whole}.{rest // 10**6:06d}"
