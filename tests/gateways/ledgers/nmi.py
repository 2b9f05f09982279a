"""A pretend NMI: `transact.php` and `query.php` on loopback, with books of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from csctl.gateways.conformance.server import Fault, LedgerServer, Request, Response

KEY = "nmi-key-6PbXk2sTq9"
_DECLINES = {"declined": "204", "soft": "202", "expired": "223"}


@dataclass
class Action:
    type: str
    amount: Decimal
    at: datetime
    success: bool = True
    code: str = "100"


@dataclass
class Transaction:
    id: str
    type: str
    amount: Decimal
    condition: str
    order_id: str = ""
    vault: str = ""
    original: str = ""
    currency: str = "USD"
    actions: list[Action] = field(default_factory=list)
    visible_at: datetime | None = None

    @property
    def charged(self) -> Action | None:
        return next((one for one in self.actions if one.type in ("sale", "capture") and one.success), None)

    @property
    def refunded(self) -> Decimal:
        return sum((one.amount for one in self.actions if one.type == "refund" and one.success), Decimal(0))


class NmiLedger(LedgerServer):
    """`customers`: the vault, and how each card behaves: ok, declined, soft, expired, part."""

    def __init__(self) -> None:
        self.key = KEY
        self.customers: dict[str, str] = {"1001": "ok", "1002": "declined", "1003": "soft", "1004": "part"}
        self.books: dict[str, Transaction] = {}
        self.refunds_unsettled = False  # what accounts differ in
        self.duplicate_seconds = 0
        self.lag = timedelta(0)  # before queries show what was done
        self.first_page = 0  # how pages are counted is not documented
        self._numbers = itertools.count(7_000_000_001)
        super().__init__()

    # -- what a test does at the gateway itself

    def sell(
        self, amount: str, *, vault: str = "1001", order_id: str = "shop-1", settled: bool = False, type: str = "sale"
    ) -> str:
        """A sale (or `type="auth"`) that was not made by csctl."""
        condition = "pending" if type == "auth" else "pendingsettlement"
        sale = self._book(type, Decimal(amount), condition, order_id, vault)
        if settled:
            self.settle()
        return sale.id

    def settle(self) -> None:
        """Close the batch."""
        for one in self.books.values():
            if one.condition == "pendingsettlement":
                one.condition = "complete"
                one.actions.append(Action("settle", one.amount, self.time))

    def refund_outside(self, reference: str, amount: str) -> str:
        return self._refund(self.books[reference], Decimal(amount), "").id

    def void_outside(self, reference: str) -> None:
        self._void(self.books[reference])

    def bring_back(self, reference: str) -> None:
        """A bank returns the money of a transaction."""
        one = self.books[reference]
        one.actions.append(Action("check_late_return", one.amount, self.time))

    def returned(self, reference: str | None = None) -> Decimal:
        """What was paid back, of one sale or in all."""
        return sum(
            (
                one.amount
                for one in self.books.values()
                if one.type == "refund"
                and one.condition not in ("canceled", "failed")
                and reference in (None, one.original)
            ),
            Decimal(0),
        )

    def refuse_next(self, text: str, code: str = "300", response: str = "3") -> None:
        """Let the next write be refused with this answer."""
        self.fail_next(
            Fault(effect=False, body=_body({"response": response, "responsetext": text, "response_code": code}))
        )

    # -- the protocol

    def writes(self, request: Request) -> bool:
        return request.path.endswith("/transact.php")

    def carry_out(self, request: Request) -> Response:
        form = request.form
        if form.get("security_key") != self.key:
            if self.writes(request):
                return _said("3", "Authentication Failed REFID:3150951931", "300", form)
            return _xml("<error_response>Authentication Failed REFID:3150951932</error_response>")
        return self._transact(form) if self.writes(request) else self._query(form)

    def _transact(self, form: Mapping[str, str]) -> Response:
        if form["type"] in ("sale", "auth"):
            return self._charge(form)
        one = self.books.get(form.get("transactionid", ""))
        if one is None:
            return _said("3", "Transaction not found REFID:3150951933", "300", form)
        return {"capture": self._capture, "void": self._answer_void, "refund": self._answer_refund}[form["type"]](
            one, form
        )

    def _charge(self, form: Mapping[str, str]) -> Response:
        vault, amount = form["customer_vault_id"], Decimal(form["amount"])
        card = self.customers.get(vault)
        if card is None:
            return _said("3", "Invalid Customer Vault ID specified REFID:3150951934", "300", form)
        if self._is_duplicate(form["type"], amount, vault=vault):
            return _said("3", "Duplicate transaction REFID:3150951935", "300", form)
        if code := _DECLINES.get(card):
            one = self._book(form["type"], amount, "failed", form.get("orderid", ""), vault, success=False, code=code)
            return _said("2", "DECLINE", code, form, one.id)
        condition = "pending" if form["type"] == "auth" else "pendingsettlement"
        part = {"partial_payment_id": "77", "partial_payment_balance": "1.00"} if card == "part" else {}
        one = self._book(form["type"], amount - (1 if part else 0), condition, form.get("orderid", ""), vault)
        return _said("1", "SUCCESS", "100", form, one.id, **part)

    def _capture(self, one: Transaction, form: Mapping[str, str]) -> Response:
        if one.condition != "pending":
            return _said("3", "The specified transaction cannot be captured REFID:3150951936", "300", form)
        one.amount = Decimal(form["amount"])
        one.condition = "pendingsettlement"
        one.actions.append(Action("capture", one.amount, self.time))
        return _said("1", "SUCCESS", "100", form, one.id)

    def _answer_void(self, one: Transaction, form: Mapping[str, str]) -> Response:
        if one.condition not in ("pending", "pendingsettlement"):
            return _said("3", "Only transactions pending settlement can be voided REFID:3150951937", "300", form)
        self._void(one)
        return _said("1", "Transaction Void Successful", "100", form, one.id)

    def _answer_refund(self, one: Transaction, form: Mapping[str, str]) -> Response:
        # Left out or 0 is the whole, as at the real one: a test that does not send it pays too much.
        amount = Decimal(form.get("amount") or 0) or one.amount - one.refunded
        if one.condition not in ("complete", "pendingsettlement") or (
            one.condition == "pendingsettlement" and not self.refunds_unsettled
        ):
            return _said("3", "Refund requires a settled transaction REFID:3150951938", "300", form)
        if one.refunded + amount > one.amount:
            text = "Refund amount may not exceed the transaction balance REFID:3150951939"
            return _said("3", text, "300", form)
        if self._is_duplicate("refund", amount, original=one.id):
            return _said("3", "Duplicate transaction REFID:3150951940", "300", form)
        return _said("1", "SUCCESS", "100", form, self._refund(one, amount, form.get("orderid", "")).id)

    # -- the books

    def _book(
        self,
        type: str,
        amount: Decimal,
        condition: str,
        order_id: str,
        vault: str,
        *,
        original: str = "",
        success: bool = True,
        code: str = "100",
    ) -> Transaction:
        one = Transaction(str(next(self._numbers)), type, amount, condition, order_id, vault, original)
        one.actions.append(Action(type, amount, self.time, success, code))
        one.visible_at = self.time + self.lag
        self.books[one.id] = one
        return one

    def _refund(self, one: Transaction, amount: Decimal, order_id: str) -> Transaction:
        one.actions.append(Action("refund", amount, self.time))
        return self._book("refund", amount, "pendingsettlement", order_id, one.vault, original=one.id)

    def _void(self, one: Transaction) -> None:
        one.condition = "canceled"
        one.actions.append(Action("void", one.amount, self.time))

    def _is_duplicate(self, type: str, amount: Decimal, *, vault: str = "", original: str = "") -> bool:
        since = self.time - timedelta(seconds=self.duplicate_seconds)
        return bool(self.duplicate_seconds) and any(
            (one.type, one.amount) == (type, amount)
            and (one.vault == vault if vault else one.original == original)
            and one.actions[0].at > since
            and one.condition != "failed"
            for one in self.books.values()
        )

    # -- queries

    def _query(self, form: Mapping[str, str]) -> Response:
        if form.get("report_type") == "customer_vault":
            vault = form["customer_vault_id"]
            known = f'<customer_vault><customer id="{vault}"/></customer_vault>' if vault in self.customers else ""
            return _xml(known)
        found = [one for one in self.books.values() if self._matches(one, form)]
        limit = int(form.get("result_limit", "1000"))
        start = max(0, int(form.get("page_number", "0")) - self.first_page) * limit
        return _xml("".join(self._shown(one) for one in found[start : start + limit]))

    def _matches(self, one: Transaction, form: Mapping[str, str]) -> bool:
        if one.visible_at and one.visible_at > self.time:
            return False
        if "transaction_id" in form and one.id not in form["transaction_id"].split(","):
            return False
        if "order_id" in form and one.order_id != form["order_id"]:
            return False
        changed = f"{max(action.at for action in one.actions):%Y%m%d%H%M%S}"
        return form.get("start_date", "") <= changed <= form.get("end_date", "9")

    def _shown(self, one: Transaction) -> str:
        actions = "".join(
            f"<action><amount>{_signed(action)}</amount><action_type>{action.type}</action_type>"
            f"<date>{action.at:%Y%m%d%H%M%S}</date><success>{int(action.success)}</success><source>api</source>"
            f"<response_text>SUCCESS</response_text><response_code>{action.code}</response_code></action>"
            for action in one.actions
        )
        return (
            f"<transaction><transaction_id>{one.id}</transaction_id><transaction_type>cc</transaction_type>"
            f"<condition>{one.condition}</condition><order_id>{escape(one.order_id)}</order_id>"
            f"<customerid>{one.vault}</customerid><currency>{one.currency}</currency>"
            f"<cc_number>4xxxxxxxxxxx1111</cc_number>{actions}</transaction>"
        )


def _signed(action: Action) -> str:
    return f"{'-' if action.type == 'refund' else ''}{action.amount:.2f}"


def _said(response: str, text: str, code: str, form: Mapping[str, str], reference: str = "", **more: str) -> Response:
    fields = {
        "response": response,
        "responsetext": text,
        "authcode": "123456" if response == "1" else "",
        "transactionid": reference,
        "avsresponse": "",
        "cvvresponse": "",
        "orderid": form.get("orderid", ""),
        "type": form.get("type", ""),
        "response_code": code,
    }
    return Response(_body({**fields, **more}), headers={"Content-Type": "text/html; charset=UTF-8"})


def _body(fields: Mapping[str, str]) -> bytes:
    return urlencode(fields).encode()


def _xml(content: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<nm_response>{content}</nm_response>\n'
    return Response(text.encode(), headers={"Content-Type": "text/xml;charset=UTF-8"})
