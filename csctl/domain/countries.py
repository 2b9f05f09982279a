"""Find countries by the names that shops and their customers write."""

from __future__ import annotations

import re
from functools import cache

from csctl.domain.text import fold

# Names in use that neither ISO 3166 nor CLDR has: former and short names, and parts that people take for countries.
# Ambiguous names (Republic of China, Virgin Islands) are left out: a wrong country is worse than none.
_ALSO: dict[str, tuple[str, ...]] = {
    "AE": ("UAE", "Emirates"),
    "AG": ("Antigua",),
    "AX": ("Aland",),
    "BA": ("Bosnia",),
    "BL": ("St. Barts",),
    "CD": ("DR Congo", "DRC", "Congo (DRC)", "Zaire"),
    "CI": ("Ivory Coast",),
    "CN": ("PRC", "Mainland China"),
    "FO": ("Faeroe Islands",),
    "GB": ("UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "GR": ("EL",),
    "HK": ("Hong Kong SAR",),
    "IE": ("Eire", "Republic of Ireland"),
    "KR": ("Korea",),
    "LA": ("Lao PDR",),
    "MK": ("Macedonia", "Macedonia (FYROM)", "FYROM"),
    "MM": ("Burma",),
    "MO": ("Macau", "Macau SAR", "Macao SAR"),
    "NL": ("Holland",),
    "PS": ("Palestine",),
    "SX": ("St. Maarten",),
    "SZ": ("Swaziland",),
    "TC": ("Turks and Caicos",),
    "TL": ("East Timor",),
    "TR": ("Turkey",),
    "US": ("America",),
    "VA": ("Vatican",),
    "VC": ("St. Vincent",),
    "XK": ("XK", "XKX", "Kosovo"),  # not in ISO 3166, which leaves the code to its users; all use this one
}


def code_of(text: str) -> str | None:
    """The two-letter code of a country's English name or ISO code, without regard to case, accents, dots, hyphens,
    `the`, `and`, and `St` for `Saint`. None for an unknown name.
    """
    return _codes().get(_key(text))


def is_code(text: str | None) -> bool:
    """Whether this has the form of a two-letter code, as a known country is kept."""
    return text is not None and len(text) == 2 and text.isascii() and text.isupper()


@cache
def _codes() -> dict[str, str]:
    import pycountry
    from babel import Locale

    known = {code: set(names) for code, names in _ALSO.items()}
    short = Locale("en").territories  # `Micronesia`, where ISO has `Micronesia, Federated States of`
    for country in pycountry.countries:
        names = {
            getattr(country, name, None) for name in ("name", "common_name", "official_name", "alpha_3", "numeric")
        }
        names |= {country.alpha_2, short.get(country.alpha_2)}
        known.setdefault(country.alpha_2, set()).update(*(_spellings(name) for name in names if name))
    return {_key(name): code for code, names in known.items() for name in names}


def _spellings(name: str) -> set[str]:
    """The spellings of a name: `Korea, Republic of` is also `Republic of Korea`, and `Holy See (Vatican City State)`
    also `Holy See`.
    """
    head, _, tail = name.partition(", ")
    return {name, f"{tail} {head}", re.sub(r"\(.*?\)", "", name)}


def _key(text: str) -> str:
    words = re.findall(r"[a-z0-9]+", fold(text))
    if len(words) > 1:  # alone, these words are the codes of Andorra and of São Tomé
        words = ["saint" if word == "st" else word for word in words if word not in ("the", "and")]
    return "".join(words)
