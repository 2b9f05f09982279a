"""Amounts as files of other systems write them."""

from __future__ import annotations

import re
import unicodedata

from csctl.domain.money import exponent, to_minor
from csctl.errors import Usage

_MINOR = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_GROUPS = {  # digits in groups of three, by the decimal sign
    ".": re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", re.ASCII),
    ",": re.compile(r"-?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?", re.ASCII),
}
_PLAIN_COMMA = re.compile(r"-?[0-9]+(,[0-9]*)?", re.ASCII)
# Both a thousand and a little more than one; with a comma, German for a fraction.
_AMBIGUOUS = re.compile(r"-?[1-9][0-9]{0,2}[.,][0-9]{3}|-?[0-9]+,[0-9]{1,2}", re.ASCII)
_HINT = 'say which sign it is: decimal = "," or decimal = "." below [file] of a mapping, or --decimal'


def read(text: str, currency: str, *, decimal: str | None = None, minor: bool = False) -> int:
    """Minor units of an amount in a file. `decimal` is its decimal sign, where that is known; `minor`: it counts minor
    units already.

    Raises Usage for an invalid amount, one with two possible meanings, and one with too many decimals.
    """
    if minor:
        if not _MINOR.fullmatch(text):
            raise Usage(f"{text!r} is not a number of minor units", cause='the mapping says amounts = "minor"')
        exponent(currency)
        return int(text)
    return to_minor(_plain(_bare(text, currency), text, currency, decimal), currency)


def _plain(bare: str, text: str, currency: str, decimal: str | None) -> str:
    """The amount with a point, and nothing between its digits."""
    if decimal == ",":
        if _GROUPS[","].fullmatch(bare) or _PLAIN_COMMA.fullmatch(bare):
            return bare.replace(".", "").replace(",", ".").removesuffix(".")
        raise Usage(f"{text!r} is not an amount with a decimal comma", fix=_HINT)
    if decimal is None:
        if "," in bare and (_GROUPS[","].fullmatch(bare) or _AMBIGUOUS.fullmatch(bare)):
            raise Usage(f"{text!r} is not an amount", cause="the comma may be its decimal sign", fix=_HINT)
        if _AMBIGUOUS.fullmatch(bare) and exponent(currency) < len(bare.rpartition(".")[2]):
            what = "could be two amounts" if bare.endswith("0") else f"is finer than {currency} allows"
            raise Usage(f"{text!r} {what}", cause="the point may be the sign of thousands", fix=_HINT)
    return bare.replace(",", "").removesuffix(".") if _GROUPS["."].fullmatch(bare) else bare


def _bare(text: str, currency: str) -> str:
    """Without the sign of the currency, its code, and what stands between thousands besides points and commas."""
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return text
    bare = "".join(c for c in text if unicodedata.category(c) != "Sc" and not c.isspace() and c not in "'\u2019")
    bare = bare.replace("\u2212", "-")
    return bare.removesuffix(currency).removeprefix(currency)
