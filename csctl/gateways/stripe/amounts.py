"""Amounts for Stripe: whole numbers whose unit differs by currency, and not always as in ISO 4217."""

from __future__ import annotations

from csctl.domain import money
from csctl.errors import Usage

_WITHOUT_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# ISO 4217 gives them no decimals, Stripe two.
_AS_IF_TWO = frozenset({"ISK", "UGX"})
_TWO_DECIMALS = frozenset(
    {
        *("USD", "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT"),
        *("BGN", "BMD", "BND", "BOB", "BRL", "BSD", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP"),
        *("CRC", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GIP"),
        *("GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "JMD", "KES", "KGS", "KHR"),
        *("KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MKD", "MMK", "MNT", "MOP", "MUR"),
        *("MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK"),
        *("PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SEK", "SGD", "SHP", "SLE"),
        *("SOS", "SRD", "STD", "SZL", "THB", "TJS", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UYU", "UZS"),
        *("WST", "XCD", "YER", "ZAR", "ZMW"),
    }
)
_LARGEST = 10**10


class NotWritable(ValueError):
    """An amount that cannot be sent to Stripe correctly."""


def written(amount: int, currency: str) -> int:
    """Stripe's number for an amount in minor units. Raises NotWritable."""
    if not 0 < amount < _LARGEST:
        raise NotWritable("the amount is out of range")
    if currency in _THREE_DECIMALS and amount % 10:
        raise NotWritable(f"the last decimal of amounts in {currency} must be 0 at Stripe")
    shift = _shift(currency)
    if shift < 0 and amount % 10**-shift:
        raise NotWritable(f"amounts in {currency} have no decimals at Stripe")
    return int(amount * 10**shift) if shift >= 0 else amount // 10**-shift


def read(value: object, currency: str) -> int | None:
    """Minor units of Stripe's number; None for anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        shift = _shift(currency)
    except NotWritable:
        return None
    if shift < 0:
        return int(value * 10**-shift)
    return value // 10**shift if value % 10**shift == 0 else None


def _shift(currency: str) -> int:
    """The number of decimals of Stripe's number beyond minor units. Raises NotWritable for an unknown currency."""
    if currency in _WITHOUT_DECIMALS:
        decimals = 0
    elif currency in _THREE_DECIMALS:
        decimals = 3
    elif currency in _TWO_DECIMALS | _AS_IF_TWO:
        decimals = 2
    else:
        raise NotWritable(f"amounts in {currency} are not supported at Stripe")
    try:
        return decimals - money.exponent(currency)
    except Usage:
        raise NotWritable(f"{currency} is not a currency") from None
