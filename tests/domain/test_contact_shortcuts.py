"""What is read without a library is read as the library reads it."""

from __future__ import annotations

import random

import email_validator
import phonenumbers

from csctl.domain import contact


def test_a_plain_email_address_is_what_the_library_makes_of_it() -> None:
    chance, taken = random.Random(5), 0  # noqa: S311 - it need not be secret
    for _ in range(3000):
        local = "".join(chance.choice("abZ09.-_+@ ") for _ in range(chance.randrange(1, 7)))
        domain = "".join(chance.choice("abX9.-") for _ in range(chance.randrange(1, 6)))
        address = f"{local}@{domain}{chance.choice(['.com', '.ab', '', 'com', '.c9'])}"
        if contact._PLAIN_EMAIL.fullmatch(address):
            known = email_validator.validate_email(address, check_deliverability=False)
            assert contact.email_address(address) == known.normalized
            taken += 1
    assert taken > 100


def test_a_number_in_e164_is_what_the_library_makes_of_it() -> None:
    chance, taken = random.Random(5), 0  # noqa: S311 - it need not be secret
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            if example := phonenumbers.example_number_for_type(region, kind):
                digits = list(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
                digits[chance.randrange(4, len(digits))] = str(chance.randrange(10))
                text = "".join(digits)
                if contact._is_valid_e164(text):
                    number = phonenumbers.parse(text)
                    assert phonenumbers.is_valid_number(number)
                    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == text
                    taken += 1
    assert taken > 200
