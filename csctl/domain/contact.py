"""Parse email addresses, phone numbers and countries, each with the best library for it."""

from __future__ import annotations

import re
from functools import lru_cache

from csctl.card_numbers import holds_card_number
from csctl.domain import countries
from csctl.domain.text import accept
from csctl.errors import Usage

_LONGEST_PLAIN = 64  # characters, so that no part of an address exceeds the length of the standard
# Addresses that the library would not change, except for the case of the domain.
_PLAIN_EMAIL = re.compile(r"[\w+-]+(?:\.[\w+-]+)*@((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,})", re.ASCII | re.IGNORECASE)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def email_address(text: str) -> str:
    """The normal form of one email address. Raises Usage for an invalid one.

    Delivery is not checked: the addresses of a shop may end in `.local`, those of a rehearsal in `.test` or
    `localhost`.
    """
    plain = _PLAIN_EMAIL.fullmatch(text) if len(text) <= _LONGEST_PLAIN else None
    if plain and not holds_card_number(text):
        return text[: plain.start(1)] + plain[1].lower()

    import email_validator

    # the library's way of reporting that: the option covers `.test` alone
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    address = accept(text, "email")
    try:
        # The mail server decides whether a domain accepts mail: csctl asks no name servers. A domain without a
        # dot is a typing error, except for this host.
        known = email_validator.validate_email(
            address, check_deliverability=False, globally_deliverable=not address.lower().endswith("@localhost")
        )
    except email_validator.EmailNotValidError as error:
        raise Usage(
            f"{text[:80]!r} is not an email address", cause=str(error), fix="write it like name@example.com"
        ) from None
    return str(known.normalized)


@lru_cache(maxsize=1000)
def country_code(text: str) -> str:
    """The two-letter code of a country's name or code: `USA` is `US`. Raises Usage for an unknown country."""
    code = countries.code_of(accept(text, "country"))
    if code is None:
        raise Usage(f"{text[:80]!r} is not a country", fix="write its English name or its two-letter code")
    return code


def phone_number(text: str, country: str | None) -> tuple[str, bool]:
    """A phone number as E.164 (`+49301234567`), and whether it is valid.

    A number that the library calls invalid is returned as it was entered: its digits can still be searched. `country`
    (two letters) is for numbers without a country code.
    """
    import phonenumbers

    given = accept(text, "phone", reference=True)
    if _E164.fullmatch(given) and _is_valid_e164(given):
        return given, True
    try:
        number = phonenumbers.parse(given, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        return accept(text, "phone"), False  # what is not a phone number may be a card number
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), True


def _is_valid_e164(text: str) -> bool:
    """Whether the library would return this number unchanged, checked without its slow parser."""
    import phonenumbers

    for length in (1, 2, 3):
        code, national = int(text[1 : 1 + length]), text[1 + length :]
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            number = phonenumbers.PhoneNumber(code, int(national))
            return not national.startswith("0") and phonenumbers.is_valid_number(number)
    return False
