"""The answer of `transact.php` to a charge, capture, void or refund."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from csctl.domain.states import Kind
from csctl.gateways import decimals
from csctl.gateways.operations import Operation
from csctl.gateways.transport import Reply

_LONGEST = 100  # fields: an answer has about fifteen


@dataclass(frozen=True)
class Transacted:
    """The answer of NMI. `reference` is None without one."""

    response: str
    code: str
    text: str
    reference: str | None
    partial: bool  # approved for less than was asked
    amount: int | None  # minor units, if there is one


def read(reply: Reply, op: Operation) -> Transacted:
    """Read an answer to `op`. Raises AnswerLost for an unreadable one, or the answer to another operation."""
    if reply.status != 200:
        raise reply.unreadable("NMI answers with HTTP 200")
    fields = _fields(reply)
    response, code = fields.get("response", ""), fields.get("response_code", "")
    if not response or not code:
        raise reply.unreadable("it names no response")
    if fields.get("type") not in (None, "", type_of(op.kind)):
        raise reply.unreadable("it is about another operation")
    if not op.kind.acts_on_charge and fields.get("orderid") not in (None, "", op.key):
        raise reply.unreadable("it is about another operation")
    reference = fields.get("transactionid")
    if response == "1" and reference in (None, "", "0"):
        raise reply.unreadable("it names no transaction")
    if response == "1" and op.kind.acts_on_charge and op.sale and reference != op.sale.reference:
        raise reply.unreadable("it is about another operation")
    return Transacted(
        response,
        code,
        fields.get("responsetext", ""),
        reference if reference not in ("", "0") else None,
        partial=_is_partial(fields),
        amount=decimals.read(fields.get("amount_authorized") or fields.get("amount")),
    )


def type_of(kind: Kind) -> str:
    """NMI's word for a kind of operation."""
    return "auth" if kind is Kind.AUTHORIZE else kind.value


def _fields(reply: Reply) -> dict[str, str]:
    try:
        pairs = parse_qsl(reply.text(), keep_blank_values=True, strict_parsing=True, max_num_fields=_LONGEST)
    except ValueError:
        raise reply.unreadable("it is not form-encoded") from None
    fields = {name.lower(): value for name, value in pairs}
    if len(fields) != len(pairs) or any("\0" in value for value in fields.values()):
        raise reply.unreadable("a field stands twice, or has a NUL")
    return fields


def _is_partial(fields: dict[str, str]) -> bool:
    """Whether part of the amount was approved, and the rest is to be paid in another way."""
    balance = decimals.read(fields.get("partial_payment_balance"))
    return bool(fields.get("partial_payment_id")) or bool(balance)
