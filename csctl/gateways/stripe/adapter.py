"""An account at Stripe: charges, captures, voids and refunds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from csctl.domain.comparison import Entry
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways import tokens
from csctl.gateways.asking import no_answer
from csctl.gateways.decimals import refusal
from csctl.gateways.operations import (
    Absent,
    Ambiguous,
    Answer,
    Capabilities,
    Change,
    Finds,
    Found,
    Identity,
    Operation,
    Possible,
    Problem,
    Sale,
)
from csctl.gateways.stripe import answers, changes, listing, objects, requests, search
from csctl.gateways.stripe.account import Account, Fields, NoRight, text
from csctl.gateways.stripe.amounts import NotWritable
from csctl.gateways.transport import AnswerLost, NotSent, unanswered

# What csctl reads with a key. Rights to write show only when they are used.
_READS = {
    "refunds": "/v1/refunds",
    "payment intents": "/v1/payment_intents",
    "disputes": "/v1/disputes",
    "events": "/v1/events",
}


class Stripe:
    """One account. Any number of threads may use it at once."""

    def __init__(self, account: Account, *, livemode: bool) -> None:
        self._account, self._livemode = account, livemode
        self.client = account  # to read what an import needs
        self.capabilities = Capabilities(
            void_captured=Possible.NO,
            refund_unsettled=Possible.YES,
            partial_unsettled=True,
            finds=Finds.BY_KEY,
            keys_live=timedelta(hours=23),  # Stripe may forget a key after 24
            resend_after_absence=True,
            absence_final_after=dict.fromkeys(Kind, timedelta(hours=1)),
            refund_watch=changes.WATCH,
            changes=True,
            records=True,
            deadline=account.deadline,
        )

    def identity(self) -> Identity:
        try:
            shown = self._account.get("/v1/account")
        except NoRight:  # of a restricted key
            self._account.get("/v1/balance")
            return Identity(None, self._livemode)
        if text(shown, "object") != "account" or not text(shown, "id"):
            raise no_answer("its answer shows no account")
        return Identity(text(shown, "id"), self._livemode)

    def check(self) -> Sequence[Problem]:
        try:
            self.identity()
        except (Misconfigured, Unreachable) as error:
            return [Problem.of(error)]
        return [problem for what, path in _READS.items() if (problem := self._cannot_read(what, path))]

    def prepare(self, op: Operation) -> str | None:
        return None

    def charge(self, op: Operation) -> Answer:
        if tokens.STRIPE.parts(op.token) is None:
            return refusal(tokens.STRIPE.problem)
        try:
            fields = requests.charge(op)
        except NotWritable as error:
            return refusal(str(error))
        answer = self._write(op, "/v1/payment_intents", fields)
        return self._closed(op, answer)

    def capture(self, op: Operation) -> Answer:
        sale = op.its_sale
        of_charge = requests.is_charge(sale.reference)
        try:
            fields = requests.capture_of_charge(op) if of_charge else requests.capture(op)
        except NotWritable as error:
            return refusal(str(error))
        kind = "charges" if of_charge else "payment_intents"
        return self._write(op, f"/v1/{kind}/{sale.reference}/capture", fields)

    def void(self, op: Operation) -> Answer:
        sale = op.its_sale
        if requests.is_charge(sale.reference):
            return refusal("a charge without a payment intent cannot be canceled")
        return self._write(op, f"/v1/payment_intents/{sale.reference}/cancel", [])

    def refund(self, op: Operation) -> Answer:
        try:
            return self._write(op, "/v1/refunds", requests.refund(op, op.its_sale))
        except NotWritable as error:
            return refusal(str(error))

    def lookup(self, reference: str, kind: Kind) -> Found:
        return search.lookup(self._account, reference, kind)

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        found = search.find(self._account, op)
        if isinstance(found, Found) and op.sale is None:
            return replace(found, answer=self._closed(op, found.answer))
        return found

    def changes(self, cursor: str | None) -> Iterator[Change]:
        return changes.since(self._account, cursor)

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        return listing.listed(self._account, since, until)

    def close(self) -> None:
        self._account.close()

    # -- inside

    def _write(self, op: Operation, path: str, fields: Fields) -> Answer:
        if op.sale is not None and not requests.is_reference(op.sale.reference):
            return refusal("the sale's reference is not one of Stripe")
        try:
            return answers.read(self._account, self._account.post(path, fields, op.key), op)
        except (NotSent, AnswerLost) as error:
            return unanswered(error)

    def _closed(self, op: Operation, answer: Answer) -> Answer:
        """Cancel the intent of a charge that was not paid, and return its answer: otherwise the customer could confirm
        it later, and pay twice. Without a confirmed cancellation it stays unknown.
        """
        left_open = answer.state.refused or answer.code in objects.CONFIRMABLE
        if not left_open or not answer.reference or answer.code == "canceled":
            return answer
        if not self._cancel(answer.reference, op):
            open_one = f"it was not paid, and {answer.reference} is not canceled yet"
            return replace(answer, state=State.UNKNOWN, reason=None, message=open_one)
        if answer.state.refused or answer.reason is None:
            return answer
        return replace(answer, state=objects.refused_for(answer.reason))

    def _cancel(self, intent: str, op: Operation) -> bool:
        """Whether an intent is certainly cancelled. Sent without a key: what Stripe stored under one may be the answer
        to an earlier state of the intent.
        """
        sold = Sale(intent, op.amount, op.currency, op.sent_at)
        try:
            reply = self._account.post(f"/v1/payment_intents/{intent}/cancel", [], None)
            gone = answers.read(self._account, reply, replace(op, kind=Kind.VOID, sale=sold))
        except (NotSent, AnswerLost, Misconfigured):
            return False
        return gone.state is State.APPROVED or gone.reason is Reason.ALREADY_VOIDED

    def _cannot_read(self, what: str, path: str) -> Problem | None:
        try:
            self._account.get(path, [("limit", "1")])
        except Misconfigured as error:
            return Problem(f"the key may not read {what}: {error.cause}", "give it the right in Stripe's dashboard")
        except Unreachable as error:
            return Problem(f"{what} cannot be read: {error.cause}", "try again later")
        return None
