"""Amounts for gateways that accept only two decimals: `12.30`."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from csctl.domain import money
from csctl.domain.reasons import Reason
from csctl.domain.states import State
from csctl.errors import Usage
from csctl.gateways.operations import Answer

_DIGITS = 2
_LARGEST = 10**10  # minor units: no gateway accepts so much at once, so it is a mistake of csctl
_WRITTEN = re.compile(r"-?\d{1,12}(\.\d{1,6})?", re.ASCII)


def refused(amount: int, currency: str) -> Answer | None:
    """The answer for an amount that cannot be sent correctly; None if it can.

    Currencies without two decimals are refused: whether such a gateway reads 500 JPY as 500 or as 5.00 is not known.
    """
    try:
        digits = money.exponent(currency)
    except Usage:
        return refusal(f"{currency} is not a currency")
    if digits != _DIGITS:
        return refusal(f"amounts in {currency} are not supported at this gateway")
    if not 0 < amount < _LARGEST:
        return refusal("the amount is out of range")
    return None


def refusal(message: str) -> Answer:
    """An operation that was not sent, because the same request could never succeed."""
    return Answer(State.FAILED, reason=Reason.REFUSED, message=message)


def written(amount: int, currency: str) -> str:
    """1230 minor units as `12.30`."""
    return money.to_decimal(amount, currency)


def read(value: object) -> int | None:
    """Minor units of `12.3`, `-12.30` or a number of JSON; None for anything else, and for fractions of a cent.

    The sign is dropped: gateways differ in whether a refund is negative.
    """
    text = str(value).strip() if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    if not _WRITTEN.fullmatch(text):
        return None
    try:
        minor = abs(Decimal(text)).scaleb(_DIGITS)
    except InvalidOperation:
        return None
    return int(minor) if minor == minor.to_integral_value() else None
