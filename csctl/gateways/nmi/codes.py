"""The meaning of the answers of `transact.php`.

NMI answers `response` 1 (approved), 2 (declined) or 3 (error) with a `response_code`. Code 300 has no meaning by
itself: there the text decides. Any other answer is unknown, and csctl asks for the outcome.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from csctl.domain.reasons import Reason
from csctl.domain.states import CARD_CHARGES, Kind

APPROVED = ("1", "100")

_SOFT = {"200", "201", "202", "203", "240", "260", "264"}
_HARD = {"204", "250", "251", "252", "253", "261", "262", "263", *map(str, range(220, 226))}
_MISCONFIGURED = {"410", "411"}
_REFUSED = {"440", "441", "460", "461"}
_REFID = re.compile(r"\s*refid:\S*\s*$", re.ASCII)


class Meaning(StrEnum):
    """The result of an answer, if it is more than one of csctl's reasons."""

    APPROVED = "approved"
    DECLINED = "declined"  # with the reason
    REFUSED = "refused"  # before execution
    DUPLICATE = "duplicate"
    MISCONFIGURED = "misconfigured"
    LOOK = "look"  # certainly refused; only a look-up of the sale shows why
    UNKNOWN = "unknown"


_ALL, _LATER = list(Kind), [kind for kind in Kind if not kind.charges_card]
# The text with code 300, in lower case and without `REFID:…` -> the kinds for which it is known, meaning, reason.
_TEXTS: dict[str, tuple[Sequence[Kind], Meaning, Reason | None]] = {
    "only transactions pending settlement can be voided": ([Kind.VOID], Meaning.LOOK, None),
    "refund amount may not exceed the transaction balance": ([Kind.REFUND], Meaning.DECLINED, Reason.OVER_AMOUNT),
    "transaction not found": (_LATER, Meaning.DECLINED, Reason.UNKNOWN_REFERENCE),
    "invalid transaction id specified": (_LATER, Meaning.DECLINED, Reason.UNKNOWN_REFERENCE),
    "duplicate transaction": (_ALL, Meaning.DUPLICATE, Reason.DUPLICATE),
    "authentication failed": (_ALL, Meaning.MISCONFIGURED, Reason.MISCONFIGURED),
    "invalid username": (_ALL, Meaning.MISCONFIGURED, Reason.MISCONFIGURED),
    "invalid username/password": (_ALL, Meaning.MISCONFIGURED, Reason.MISCONFIGURED),
    "invalid credit card number": (CARD_CHARGES, Meaning.DECLINED, Reason.DECLINED),
    "invalid customer vault id": (CARD_CHARGES, Meaning.REFUSED, Reason.REFUSED),
    "invalid customer vault id specified": (CARD_CHARGES, Meaning.REFUSED, Reason.REFUSED),
}


def meaning(response: str, code: str, text: str, kind: Kind) -> tuple[Meaning, Reason | None]:
    """The meaning of an answer for an operation of `kind`, and csctl's reason."""
    if (response, code) == APPROVED:
        return Meaning.APPROVED, None
    if response == "2":
        return _declined(code)
    if response == "3":
        return _error(code, text, kind)
    return Meaning.UNKNOWN, None


def declined(code: str) -> Reason:
    """The reason of a decline that the gateway reports afterwards."""
    return Reason.SOFT_DECLINED if code in _SOFT else Reason.DECLINED


def _declined(code: str) -> tuple[Meaning, Reason | None]:
    if code in _SOFT | _HARD:
        return Meaning.DECLINED, declined(code)
    return Meaning.UNKNOWN, None


def _error(code: str, text: str, kind: Kind) -> tuple[Meaning, Reason | None]:
    if code == "300":
        kinds, found, reason = _TEXTS.get(phrase(text), ((), Meaning.UNKNOWN, None))
        return (found, reason) if kind in kinds else (Meaning.UNKNOWN, None)
    if code == "430":
        return Meaning.DUPLICATE, Reason.DUPLICATE
    if code in _MISCONFIGURED:
        return Meaning.MISCONFIGURED, Reason.MISCONFIGURED
    if code in _REFUSED:
        return Meaning.REFUSED, Reason.REFUSED
    # 400 is an error of the processor, 420 and 421 a lost connection to it: it may have been executed.
    return Meaning.UNKNOWN, None


def phrase(text: str) -> str:
    """A text in lower case, without the number that differs each time."""
    return _REFID.sub("", " ".join(text.lower().split())).rstrip(". ")
