"""Stripe's values as the texts of an import."""

from __future__ import annotations

from collections.abc import Mapping

from csctl.card_numbers import holds_card_number
from csctl.clock import rfc3339
from csctl.domain.money import to_decimal
from csctl.errors import Usage
from csctl.gateways.stripe import amounts
from csctl.gateways.stripe.account import Object, child, moment, text
from csctl.gateways.stripe.objects import currency_of


def given(**values: str | None) -> dict[str, str]:
    """The values that are there: what is not given changes nothing."""
    return {name: value for name, value in values.items() if value}


def when(shown: object, name: str) -> str | None:
    at = moment(shown, name)
    return rfc3339(at) if at else None


def number(shown: Object, name: str) -> int | None:
    value = shown.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def whole(shown: Object, name: str) -> str | None:
    value = number(shown, name)
    return None if value is None else str(value)


def amount(shown: Object, name: str, currency: str = "") -> str:
    """A decimal amount. What is none, or is in a currency that Stripe writes in an unknown way, is left as it is: the
    row is refused with it.
    """
    currency = currency or currency_of(shown)
    minor = amounts.read(shown.get(name), currency)
    try:
        return to_decimal(minor, currency) if minor is not None else f"{shown.get(name)!s} (as Stripe has it)"
    except Usage:
        return f"{shown.get(name)!s} (as Stripe has it)"


def person(name: str) -> dict[str, str]:
    """First and last name. Stripe has one. A card number stays whole, so that it is refused."""
    if holds_card_number(name):
        return {"last_name": name}
    first, _, last = name.strip().partition(" ")
    return given(first_name=first, last_name=last)


def address(kind: str, shown: Mapping[str, object]) -> dict[str, str]:
    fields = {name: name for name in ("line1", "line2", "city", "postal_code", "country")} | {"region": "state"}
    return {f"{kind}_{field}": text(shown, name) for field, name in fields.items() if text(shown, name)}


def shipping(shown: Object) -> dict[str, str]:
    return address("shipping", child(child(shown, "shipping"), "address"))
