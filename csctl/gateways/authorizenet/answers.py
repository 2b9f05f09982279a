"""The answer of `createTransactionRequest` to a charge, capture, void or refund."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from csctl.domain.states import Kind
from csctl.gateways import decimals
from csctl.gateways.authorizenet.account import child, children, envelope, message, result, text
from csctl.gateways.authorizenet.codes import Meaning, meaning
from csctl.gateways.operations import Operation
from csctl.gateways.transport import Reply


@dataclass(frozen=True)
class Transacted:
    """The answer of Authorize.Net. `reference` is None without one, or for 0."""

    meaning: Meaning
    code: str
    text: str
    reference: str | None = None
    network_ref: str | None = None
    test: bool = False  # the account is in test mode: no money moved


def read(reply: Reply, op: Operation, reference: str) -> Transacted:
    """Read an answer to `op`, which was sent as `reference`. Raises AnswerLost for an unreadable one."""
    answer = envelope(reply)
    if text(answer, "refId") not in ("", reference):
        raise reply.unreadable("it is about another operation")
    response = child(answer, "transactionResponse")
    if not response:
        code, said = message(answer)
        found = meaning(code)
        # without a transaction no code can be an approval
        return Transacted(Meaning.UNKNOWN if found is Meaning.APPROVED else found, code, said)
    return _response(response, op, result(answer))


def _response(response: Mapping[str, object], op: Operation, outcome: str) -> Transacted:
    number = text(response, "responseCode")
    named = text(response, "transId")
    reference = named if named not in ("", "0") else None
    if op.sale and _names_another(response, reference, op.sale.reference, voids=op.kind is Kind.VOID):
        return Transacted(Meaning.UNKNOWN, "", "it is about another transaction")
    messages = [(text(one, "code"), text(one, "description")) for one in children(response, "messages", "message")]
    errors = [(text(one, "errorCode"), text(one, "errorText")) for one in children(response, "errors", "error")]
    code, said = next(iter(errors if number in ("2", "3") else messages), ("", ""))
    found = _meaning(number, code, outcome, [meaning(one) for one, _ in messages], bool(errors))
    if found in (Meaning.APPROVED, Meaning.PENDING) and _is_part(response, op):
        found = Meaning.PARTIAL
    if found is Meaning.APPROVED and not named:
        found = Meaning.UNKNOWN  # an approval without a number could never be looked up
    return Transacted(
        found,
        code,
        said,
        reference,
        text(response, "networkTransId") or None,
        test=text(response, "testRequest") == "1" or (number in ("1", "4") and named == "0"),
    )


def _names_another(response: Mapping[str, object], reference: str | None, sale: str, *, voids: bool) -> bool:
    """Whether an answer is about another sale. A void has the number of its sale."""
    return text(response, "refTransID") not in ("", "0", sale) or (voids and reference not in (None, sale))


def _meaning(number: str, code: str, outcome: str, messages: list[Meaning], errors: bool) -> Meaning:
    """The meaning of an answer. The order of the checks matters: 310 and 311 come with responseCode 1, and nothing
    happened.
    """
    if number == "1":
        if Meaning.ALREADY_VOIDED in messages or Meaning.ALREADY_CAPTURED in messages:
            return next(one for one in messages if one in (Meaning.ALREADY_VOIDED, Meaning.ALREADY_CAPTURED))
        approved = set(messages) == {Meaning.APPROVED} and not errors and outcome == "Ok"
        return Meaning.APPROVED if approved else Meaning.UNKNOWN
    if number == "4":
        return Meaning.PARTIAL if Meaning.PARTIAL in messages else Meaning.PENDING
    if number in ("2", "3"):
        found = meaning(code)
        return Meaning.UNKNOWN if found is Meaning.APPROVED else found
    return Meaning.UNKNOWN


def _is_part(response: Mapping[str, object], op: Operation) -> bool:
    """Whether a prepaid card paid less than requested."""
    approved = child(response, "prePaidCard").get("approvedAmount")
    return approved is not None and decimals.read(approved) != op.amount
