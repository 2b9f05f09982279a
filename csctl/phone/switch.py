"""What a phone switch is. Plugins implement this; docs/phone-switches.md shows how."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from csctl.domain.text import printable
from csctl.errors import Usage

_SEPARATORS = re.compile(r"[ \u00a0().\-/]")
_DIALABLE = re.compile(r"\+?[0-9*#]{2,32}", re.ASCII)


@dataclass(frozen=True)
class Placed:
    """A call that the switch has taken. `outcome` is said in the customer's history: "the agent's phone answered".

    `uri` is for a switch that cannot dial by itself: what a person clicks, printed on stdout.
    """

    outcome: str
    uri: str | None = None


class PhoneSwitch(Protocol):
    """Something that can start a telephone call.

    A plugin is a callable that takes the whole URL of CSCTL_PHONE_SWITCH and returns one of these; it raises
    Misconfigured for a URL that it cannot work with, and dials nothing yet.
    """

    def call(self, number: str, *, operator: str) -> Placed:
        """Start a call to `number` (digits, `*` and `#`, perhaps with a leading `+`) for the operator of that name.

        Raises Unreachable if nothing was sent, Misconfigured for wrong credentials, GatewayRefused if the switch said
        no, OutcomeUnknown if it was asked and its answer was lost. No message may hold a secret.
        """
        ...


def dialable(number: str, *, codes: bool = False) -> str:
    """A number as a switch gets it, without spaces and brackets. Raises Usage for what is no telephone number.

    Numbers of customers are text that strangers sent: nothing else may ever reach a switch. A service code (`*21*…#`
    forwards the agent's calls) is dialled only with `codes`, where the agent typed it.
    """
    bare = _SEPARATORS.sub("", number.strip())
    if not _DIALABLE.fullmatch(bare):
        raise Usage(
            f"{printable(number[:40])!r} cannot be dialled",
            cause="a telephone number is 2 to 32 digits, perhaps after a +",
            fix="csctl customer call CUS --number +4930123456, or csctl customer edit CUS --phone …",
        )
    if not codes and not bare.removeprefix("+").isdigit():
        raise Usage(
            f"{printable(number[:40])!r} is a service code",
            cause="it could change what the agent's phone does, and came with the customer's data",
            fix="csctl customer call CUS --number CODE, if you want to dial it",
        )
    return bare
