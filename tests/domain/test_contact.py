"""Email addresses, phone numbers and countries."""

from __future__ import annotations

import pycountry
import pytest

from csctl.domain.contact import country_code, email_address, phone_number
from csctl.errors import Usage


@pytest.mark.parametrize(
    ("text", "country", "kept"),
    [
        ("+49 0711 2842222", None, "+497112842222"),
        ("(212) 555-0142", "US", "+12125550142"),
        ("+55 (12) 3923-5555", None, "+551239235555"),
    ],
)
def test_a_phone_number_in_any_spelling_is_kept_as_e164(text: str, country: str | None, kept: str) -> None:
    assert phone_number(text, country) == (kept, True)


def test_a_number_that_is_none_is_kept_as_it_was_given() -> None:
    assert phone_number("call the porter, 12", "US") == ("call the porter, 12", False)


def test_a_valid_phone_number_is_not_a_card_number_though_it_may_look_like_one() -> None:
    """13 digits, a 4 in front, and the right check digit: one in ten German mobile numbers."""
    assert phone_number("+4915112345005", None)[1]
    assert all(phone_number(f"+49151123450{last:02}", None)[1] for last in range(100))


def test_a_card_number_is_not_a_phone_number() -> None:
    with pytest.raises(Usage, match="card number"):
        phone_number("4111 1111 1111 1111", "US")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("USA", "US"),
        ("de", "DE"),
        ("840", "US"),
        ("United Kingdom", "GB"),
        ("Czech Republic", "CZ"),
        # however they are spelled
        ("U.S.A.", "US"),
        ("TÜRKIYE", "TR"),
        ("Turkiye", "TR"),
        ("Côte d’Ivoire", "CI"),
        ("Cote d'Ivoire", "CI"),
        ("The Gambia", "GM"),
        ("Trinidad & Tobago", "TT"),
        ("Trinidad and Tobago", "TT"),
        ("Bosnia-Herzegovina", "BA"),
        ("Guinea Bissau", "GW"),
        ("St. Lucia", "LC"),
        ("AND", "AD"),
        ("ST", "ST"),
        # by their short names, and turned round
        ("Russia", "RU"),
        ("Brunei", "BN"),
        ("Micronesia", "FM"),
        ("Falkland Islands", "FK"),
        ("Vatican City", "VA"),
        ("Republic of Korea", "KR"),
        ("Democratic Republic of the Congo", "CD"),
        # by those that only people use
        ("UK", "GB"),
        ("U.K.", "GB"),
        ("Great Britain", "GB"),
        ("England", "GB"),
        ("Scotland", "GB"),
        ("Holland", "NL"),
        ("Turkey", "TR"),
        ("Ivory Coast", "CI"),
        ("Macedonia", "MK"),
        ("Swaziland", "SZ"),
        ("Cape Verde", "CV"),
        ("Burma", "MM"),
        ("Macau", "MO"),
        ("Palestine", "PS"),
        ("Korea", "KR"),
        ("DR Congo", "CD"),
        ("UAE", "AE"),
        ("Kosovo", "XK"),
        ("XK", "XK"),
    ],
)
def test_countries_are_understood_by_name_and_by_code(text: str, code: str) -> None:
    assert country_code(text) == code


def test_every_country_is_understood_by_all_that_iso_calls_it() -> None:
    for country in pycountry.countries:
        for field in ("name", "common_name", "official_name", "alpha_2", "alpha_3", "numeric", "flag"):
            name = getattr(country, field, None) or country.name
            assert country_code(name) == country.alpha_2, name


@pytest.mark.parametrize("text", ["Atlantis", "Virgin Islands", "Republic of China", "Berlin", "the", "&", "EU", "ZZ"])
def test_an_invalid_or_ambiguous_country_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="not a country"):
        country_code(text)


@pytest.mark.parametrize(
    "text", ["a@shop.test", "a@shop.local", "a@shop.localhost", "root@localhost", "a@shop.invalid", "jürgen@münchen.de"]
)
def test_an_email_address_may_lead_anywhere(text: str) -> None:
    assert email_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane",
        "jane@",
        "@example.com",
        "jane@example",
        "jane@example..com",
        "jane@-example.com",
        "jane.@example.com",
        "jane@[127.0.0.1]",
        "Jane <jane@example.com>",
        "a@b@example.com",
        "@localhost",
        "jane@ localhost",
        "jane@example.com, tim@example.com",
    ],
)
def test_what_is_not_one_email_address_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        email_address(text)
