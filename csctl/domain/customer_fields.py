"""The fields of a customer that people enter, and the normal form of each value."""

from __future__ import annotations

from ipaddress import ip_address

from csctl.domain import contact, fields
from csctl.domain.field_uses import Use
from csctl.domain.text import accept
from csctl.errors import Usage

CUSTOMER_FIELDS = {field.name: field for field in fields.of("customers", Use.ENTERED)}


def kept(field: str, text: str, country: str | None) -> str | None:
    """The normal form of a value; None for an empty text, which clears the field.

    `country` (two letters) is for phone numbers without a country code. Raises Usage.
    """
    if not text.strip():
        return None
    if field == "email":
        return contact.email_address(text)
    if field == "phone":
        return contact.phone_number(text, country)[0]
    if field == "ip":
        return _ip(text)
    if field.endswith("_country"):
        return contact.country_code(text)
    return accept(text, field)


def _ip(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise Usage(f"{text[:60]!r} is not an IP address", fix="write it like 203.0.113.7 or 2001:db8::7") from None
