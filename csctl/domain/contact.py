"""Email addresses, phone numbers and countries, each read by the library that knows them best."""

from __future__ import annotations

from csctl.domain import countries
from csctl.domain.text import accept
from csctl.errors import Usage


def email_address(text: str) -> str:
    """One email address in its normal form. Raises Usage if it is none."""
    from email_validator import EmailNotValidError, validate_email

    try:
        # Whether its domain takes mail is for the mail server to find out: csctl asks no name servers.
        return str(validate_email(accept(text, "email"), check_deliverability=False).normalized)
    except EmailNotValidError as error:
        raise Usage(f"{text[:80]!r} is not an email address", cause=str(error)) from None


def country_code(text: str) -> str:
    """The two-letter code of a country's name or code: `USA` is `US`. Raises Usage for an unknown one."""
    code = countries.code_of(accept(text, "country"))
    if code is None:
        raise Usage(f"{text[:80]!r} is not a country", fix="write its English name or its two-letter code")
    return code


def phone_number(text: str, country: str | None) -> tuple[str, bool]:
    """A phone number as E.164 (`+49301234567`), and whether it is a valid one.

    A number that the library finds invalid is returned as it was given: it can still be found by its digits.
    `country` (two letters) helps with numbers that do not say theirs.
    """
    import phonenumbers

    given = accept(text, "phone", reference=True)
    try:
        number = phonenumbers.parse(given, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        return accept(text, "phone"), False  # what is no phone number may be a card's
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), True
