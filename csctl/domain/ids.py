"""Ids as people see them: `cus_12`. Internally they are integers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from csctl.errors import Usage

# prefix -> what it names, and the command that shows it; ends with `show` if it takes the id
PREFIXES: dict[str, tuple[str, str]] = {
    "cus": ("customer", "csctl customer show"),
    "ord": ("order", "csctl order show"),
    "pur": ("purchase", "csctl purchase show"),
    "txn": ("transaction", "csctl txn show"),
    "ful": ("fulfillment", "csctl fulfillment show"),
    "rfq": ("refund queue item", "csctl queue show"),
    "eml": ("email", "csctl email show"),
    "bli": ("blacklist entry", "csctl blacklist list"),
    "opr": ("operator", "csctl operator list"),
    "pm": ("payment method", "csctl customer payment-method list"),
    "his": ("history entry", "csctl customer history CUS"),
    "apr": ("approval request", "csctl approval show"),
    "run": ("run", "csctl run show"),
    "prd": ("product", "csctl product show"),
    "aud": ("audit row", "csctl audit list"),
}
_SHAPE = re.compile(r"(?:([a-z]{2,3})_)?([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)  # there may be a hundred thousand of them
class Ref:
    """A record that a person named: its id, and the words it was named with."""

    given: str
    id: int


def show(prefix: str, number: int) -> str:
    """`cus_12` of 12."""
    return f"{prefix}_{number}"


def show_or_none(prefix: str, number: int | None) -> str | None:
    return None if number is None else show(prefix, number)


# records with names of their own: an external id, a reference of a gateway, an email
NAMED = frozenset({"cus", "ord", "pur", "txn", "ful", "pm"})


def parse_or_name(prefix: str, text: str) -> Ref:
    """The record that a word names; with the id 0 if the word is a name, which has to be looked up.

    Raises Usage for the id of another kind, and for an empty word.
    """
    given = text.strip()
    match = _SHAPE.fullmatch(given)
    ours = match is not None and (not match[1] or match[1] in PREFIXES)  # `ch_1` is the name that a gateway gave
    if prefix not in NAMED or ours or not given:
        return parse(prefix, text)
    return Ref(given, 0)


def parse(prefix: str, text: str) -> Ref:
    """The record named by `txn_9` or `9`.

    Raises Usage for anything else, naming the command for an id of another kind.
    """
    given = text.strip()
    noun = PREFIXES[prefix][0]
    match = _SHAPE.fullmatch(given)
    if not match or (match[1] and match[1] not in PREFIXES):
        raise Usage(f"{given[:40]!r} is not {_a(noun)} id", fix=f"write it like {prefix}_12")
    if match[1] and match[1] != prefix:
        other, command = PREFIXES[match[1]]
        fix = f"{command} {given}" if command.endswith(" show") else command
        raise Usage(f"{given} is not {_a(noun)} id", cause=f"it names {_a(other)}", fix=fix)
    if int(match[2]) > 2**63 - 1:
        raise Usage(f"{given} is not {_a(noun)} id", fix=f"write it like {prefix}_12")
    return Ref(given, int(match[2]))


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
