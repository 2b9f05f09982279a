"""Parse the XML of `query.php`: transactions with their actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from csctl.errors import Misconfigured, Unreachable
from csctl.gateways import decimals
from csctl.gateways.transport import Reply

_TEMPORARY = ("rate limit", "too many", "try again", "timeout", "timed out", "unavailable")


@dataclass(frozen=True)
class Action:
    """An action on a transaction. `amount` in minor units, without a sign."""

    type: str
    success: bool
    amount: int | None
    at: datetime | None
    code: str
    text: str


@dataclass(frozen=True)
class Transaction:
    id: str
    condition: str
    order_id: str
    original_id: str
    currency: str | None
    check: bool  # a bank account, not a card
    actions: tuple[Action, ...]

    def did(self, *types: str, success: bool = True) -> list[Action]:
        """Its actions of some types, oldest first."""
        return [action for action in self.actions if action.type in types and action.success is success]

    @property
    def changed_at(self) -> datetime | None:
        return max((action.at for action in self.actions if action.at), default=None)


def transactions(reply: Reply) -> list[Transaction]:
    """The transactions in an answer. Raises Misconfigured, Unreachable."""
    return [_transaction(element, reply) for element in _root(reply).findall("transaction")]


def knows_customer(reply: Reply, vault: str) -> bool:
    """Whether an answer with `report_type=customer_vault` holds this customer."""
    return any(
        vault in (element.get("id"), _text(element, "customer_vault_id")) for element in _root(reply).iter("customer")
    )


def _root(reply: Reply) -> Any:
    # Not the parser of the standard library: an answer may be made to fill the memory.
    import defusedxml.ElementTree
    from defusedxml.common import DefusedXmlException

    if reply.status != 200:
        raise reply.unreadable("it is not the answer to a query")
    try:
        root = defusedxml.ElementTree.fromstring(reply.body, forbid_dtd=True)
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        raise reply.unreadable("it is not XML") from None
    if root.tag != "nm_response":
        raise reply.unreadable("it is not the answer to a query")
    if (error := root.findtext("error_response")) is not None:
        _refuse(error)
    return root


def _refuse(error: str) -> None:
    """The error for an account without the right to query: misconfigured, unless the gateway says that
    it is temporary.
    """
    if any(word in error.lower() for word in _TEMPORARY):
        raise Unreachable("the gateway cannot be asked now", cause=error[:200])
    raise Misconfigured(
        "the gateway refuses the account's queries",
        cause=error[:200],
        fix="correct the security key, and give it the rights to query and to pay: csctl gateway check",
    )


def _transaction(element: Any, reply: Reply) -> Transaction:
    found = Transaction(
        id=_text(element, "transaction_id"),
        condition=_text(element, "condition").lower(),
        order_id=_text(element, "order_id"),
        original_id=_text(element, "original_transaction_id"),
        currency=_text(element, "currency").upper() or None,
        check=_text(element, "transaction_type") == "ck",
        actions=tuple(sorted(_actions(element), key=lambda action: action.at or datetime.max.replace(tzinfo=UTC))),
    )
    if not found.id or not found.condition:
        raise reply.unreadable("a transaction has no id or condition")
    return found


def _actions(element: Any) -> Iterator[Action]:
    for action in element.findall("action"):
        yield Action(
            type=_text(action, "action_type").lower(),
            success=_text(action, "success") == "1",
            amount=decimals.read(_text(action, "amount")),
            at=moment(_text(action, "date")),
            code=_text(action, "response_code"),
            text=_text(action, "response_text"),
        )


def _text(element: Any, name: str) -> str:
    return str(element.findtext(name) or "").strip()


def moment(text: str) -> datetime | None:
    """A time of NMI, `YYYYMMDDhhmmss` in UTC."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")
