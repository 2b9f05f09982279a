"""The protocol of phone switches. Plugins implement it; docs/phone-switches.md shows how."""

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
    """A call that the switch accepted. `outcome` goes into the customer's history: "the agent's phone answered".

    `uri` is for a switch that cannot dial itself: a link for a person, printed on stdout.
    """

    outcome: str
    uri: str | None = None


class PhoneSwitch(Protocol):
    """A switch that starts telephone calls.

    A plugin is a callable that takes the whole URL of CSCTL_PHONE_SWITCH and returns one of these; it raises
    Misconfigured for an invalid URL, and dials nothing yet.
    """

    def call(self, number: str, *, operator: str) -> Placed:
        """Start a call to `number` (digits, `*` and `#`, perhaps with a leading `+`) for the operator of that name.

        Raises Unreachable if nothing was sent, Misconfigured for wrong credentials, GatewayRefused if the switch
        refused, OutcomeUnknown if its answer was lost. No message may contain a secret.
        """
        ...


def dialable(number: str, *, codes: bool = False) -> str:
    """A number as a switch gets it, without spaces and brackets. Raises Usage for an invalid telephone number.

    Numbers of customers come from strangers: a switch must get nothing else. A service code (`*21*…#` forwards the
    agent's calls) is dialled only with `codes`, if the agent typed it.
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
