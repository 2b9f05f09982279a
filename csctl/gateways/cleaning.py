"""Clean texts from gateways before they are stored or shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from csctl.card_numbers import holds_card_number, without_card_numbers

_LONGEST_ID = 100  # characters
_LONGEST_REFERENCE = 200
LONGEST = 300  # characters: enough for an operator, and not a whole page of HTML
# Characters on which a terminal acts, instead of showing them: controls, bidi marks, private and unassigned ones.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_DIGITS = re.compile(r"\d{12,}")  # longer than any amount or date: a card or an account number


def clean(text: object, secrets: Iterable[str] = ()) -> str | None:
    """The text on one line without control characters, csctl's secrets and long runs of digits; None if empty."""
    if text is None:
        return None
    plain = "".join(" " if unicodedata.category(c) in _UNPRINTABLE else c for c in str(text)[: 10 * LONGEST])
    for secret in secrets:
        plain = plain.replace(secret, "***")
    plain = _DIGITS.sub(lambda match: f"****{match[0][-4:]}", without_card_numbers(plain))
    plain = " ".join(plain.split())
    return (plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…") or None


def identifier(text: str | None) -> str | None:
    """An id that a gateway gave, unchanged; None if it is too long, cannot be printed, or may be a card number."""
    if not text or len(text) > _LONGEST_ID or not text.isprintable() or holds_card_number(text):
        return None
    return text


def is_reference(text: str) -> bool:
    """Whether a text can be the reference of an operation: what cannot be printed or is too long is a fault."""
    return 0 < len(text) <= _LONGEST_REFERENCE and text.isprintable()
