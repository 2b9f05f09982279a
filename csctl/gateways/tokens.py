"""How the payment method tokens of csctl's own kinds of gateways are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TokenForm:
    """The form of a token. `written` is how people see it."""

    pattern: re.Pattern[str]
    written: str

    def parts(self, token: str | None) -> tuple[str, str] | None:
        """The customer, and the payment method (empty if none is named); None for a token of another form."""
        match = self.pattern.fullmatch(token or "")
        return (match[1], match[2] or "") if match else None

    @property
    def problem(self) -> str:
        """Why a token of another form is refused."""
        return f"the payment method's token is not written {self.written}"


STRIPE = TokenForm(
    re.compile(r"(cus_[A-Za-z0-9]{1,64})/((?:pm|card|src|ba)_[A-Za-z0-9]{1,64})", re.ASCII), "cus_…/pm_…"
)
AUTHORIZENET = TokenForm(re.compile(r"([0-9]{1,20})/([0-9]{1,20})", re.ASCII), "CUSTOMER_PROFILE/PAYMENT_PROFILE")
NMI = TokenForm(re.compile(r"([A-Za-z0-9_.-]{1,64})(?:/([A-Za-z0-9_.-]{1,64}))?", re.ASCII), "VAULT or VAULT/BILLING")
_FORMS = {"stripe": STRIPE, "authorizenet": AUTHORIZENET, "nmi": NMI}


def forms(accounts: Mapping[str, str]) -> dict[str, TokenForm]:
    """The form of the tokens of each account, by name; `accounts` are their URLs. Other kinds take any token."""
    kinds = {name: url.partition(":")[0] for name, url in accounts.items()}
    return {name: _FORMS[kind] for name, kind in kinds.items() if kind in _FORMS}
