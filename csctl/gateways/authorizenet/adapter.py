"""An account at Authorize.Net: charges, captures, voids and refunds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from csctl.domain.comparison import Entry
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways import decimals, partial, tokens
from csctl.gateways.asking import no_answer
from csctl.gateways.authorizenet import answers, reports, requests, search, statuses
from csctl.gateways.authorizenet.account import Account, text
from csctl.gateways.authorizenet.answers import Transacted
from csctl.gateways.authorizenet.codes import OUTCOMES, Meaning
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
    Problem,
    Sale,
)
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.transport import AnswerLost, NotSent, too_many, unanswered

# While its batch closes a transaction is in neither list: an absence is final after a day.
_LISTED = timedelta(hours=24)
_SHOWN = timedelta(hours=1)  # voids and captures are in the transaction's own details
_ABSENCE = {
    Kind.SALE: _LISTED,
    Kind.AUTHORIZE: _LISTED,
    Kind.REFUND: _LISTED,
    Kind.VOID: _SHOWN,
    Kind.CAPTURE: _SHOWN,
}
_REFUND_WINDOW = timedelta(days=120)


class AuthorizeNet:
    """One account. Any number of threads may use it at once."""

    def __init__(self, account: Account, *, live_host: bool) -> None:
        self._account, self._live_host = account, live_host
        self.capabilities = Capabilities(
            finds=Finds.BY_KEY,
            keys_live=None,  # there is a filter for duplicates, but keys are not stored
            absence_final_after=_ABSENCE,
            refund_watch=search.WATCH,
            changes=True,
            records=True,
            needs_last4=True,
            tells_refunded_total=False,
            deadline=account.deadline,
        )

    def identity(self) -> Identity:
        details = self._account.ask("getMerchantDetailsRequest")
        gateway = text(details, "gatewayId")
        if not gateway:
            raise no_answer("the account's details name no gateway id")
        testing = details.get("isTestMode") not in (False, "false", None)
        return Identity(gateway, self._live_host and not testing)

    def check(self) -> Sequence[Problem]:
        try:
            self.identity()
            self._account.ask("getUnsettledTransactionListRequest", requests.page(1, 1))
        except (Misconfigured, Unreachable) as error:
            return [Problem.of(error)]
        return []

    def prepare(self, op: Operation) -> str | None:
        return None

    def charge(self, op: Operation) -> Answer:
        if no := decimals.refused(op.amount, op.currency):
            return no
        if tokens.AUTHORIZENET.parts(op.token) is None:
            return decimals.refusal(tokens.AUTHORIZENET.problem)
        return self._write(op, requests.charge(op))

    def capture(self, op: Operation) -> Answer:
        return decimals.refused(op.amount, op.currency) or self._write(op, requests.capture(op, op.its_sale))

    def void(self, op: Operation) -> Answer:
        return self._write(op, requests.void(op.its_sale.reference))

    def refund(self, op: Operation) -> Answer:
        if no := decimals.refused(op.amount, op.currency):
            return no
        last4 = self._last4(op.its_sale)
        return last4 if isinstance(last4, Answer) else self._write(op, requests.refund(op, op.its_sale, last4))

    def lookup(self, reference: str, kind: Kind) -> Found:
        return statuses.found(reports.details(self._account, reference), kind)

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        return search.find(self._account, op)

    def changes(self, cursor: str | None) -> Iterator[Change]:
        return search.changes(self._account, cursor)

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        return search.listed(self._account, since, until)

    def close(self) -> None:
        self._account.close()

    # -- inside

    def _last4(self, sale: Sale) -> str | Answer:
        """The last four digits of the card, which a refund must name; or the error if there are none."""
        if sale.last4 and requests.is_last4(sale.last4):
            return sale.last4
        try:
            record = reports.details(self._account, sale.reference)
        except UnknownReference as error:
            return Answer(State.DECLINED, reason=Reason.UNKNOWN_REFERENCE, message=error.message)
        except Unreachable as error:
            return Answer(State.FAILED, reason=Reason.UNREACHABLE, message=error.cause or error.message)
        if record.bank_account:
            why = "it was paid from a bank account: refund it on the gateway's own page, and record it with --outside"
            return Answer(State.FAILED, reason=Reason.NOT_REFUNDABLE, message=why)
        if record.last4 is None:
            return decimals.refusal("the last four digits of the card are not known, and the gateway asks for them")
        return record.last4

    def _write(self, op: Operation, fields: requests.Fields) -> Answer:
        reference = requests.key20(op.key)
        try:
            reply = self._account.transact(fields, reference)
            if reply.status == 429:
                return too_many(reply)
            said = answers.read(reply, op, reference)
        except (NotSent, AnswerLost) as error:
            return unanswered(error)
        return self._meant(op, said)

    def _meant(self, op: Operation, said: Transacted) -> Answer:
        if said.test:
            raise Misconfigured(
                "the account is in test mode",
                cause="no money moves there",
                fix="switch test mode off in the account's settings at Authorize.Net",
            )
        if said.meaning is Meaning.MISCONFIGURED:
            raise self._account.misconfigured(said.code, said.text)
        if said.meaning is Meaning.APPROVED:
            return self._approved(op, said)
        if said.meaning is Meaning.PARTIAL and said.reference:
            return self._undo_part(op, said.reference)
        if said.meaning is Meaning.LOOK and op.sale is not None:
            return self._why(op, said)
        state, reason = OUTCOMES.get(said.meaning, (State.UNKNOWN, None))
        # a duplicate names the original: not this operation
        reference = None if said.meaning is Meaning.DUPLICATE else said.reference
        return Answer(state, reference, reason, self._account.clean(said.text), code=said.code)

    def _approved(self, op: Operation, said: Transacted) -> Answer:
        return Answer(
            State.APPROVED,
            said.reference,
            message=self._account.clean(said.text),
            settlement=None if op.kind is Kind.VOID else Settlement.UNSETTLED,
            code=said.code,
            network_ref=said.network_ref,
        )

    def _undo_part(self, op: Operation, reference: str) -> Answer:
        void = Operation(Kind.VOID, op.key, op.amount, op.currency, op.sent_at)
        return partial.undone(lambda: self._write(void, requests.void(reference)), reference, "295")

    def _why(self, op: Operation, said: Transacted) -> Answer:
        """The reason of a certain refusal of a void or refund with an ambiguous code, from the details of the sale."""
        reason = Reason.DECLINED
        try:
            record = reports.details(self._account, op.its_sale.reference)
        except UnknownReference:
            reason = Reason.UNKNOWN_REFERENCE
        except (Unreachable, Misconfigured):
            pass
        else:
            reason = self._why_not(op, statuses.found(record, Kind.SALE), record)
        state = State.FAILED if reason is Reason.DISPUTED else State.DECLINED
        return Answer(state, None, reason, self._account.clean(said.text), code=said.code)

    def _why_not(self, op: Operation, sale: Found, record: reports.Record) -> Reason:
        if sale.voided:
            return Reason.ALREADY_VOIDED
        if op.kind is not Kind.REFUND:
            return Reason.ALREADY_SETTLED if sale.settlement is Settlement.SETTLED else Reason.DECLINED
        if record.status == "chargeback":
            return Reason.DISPUTED
        if sale.settlement is Settlement.UNSETTLED:
            return Reason.NOT_SETTLED
        if sale.settlement is None:
            return Reason.DECLINED
        # Refunded as a whole, older than the window, or another card: a person checks.
        old = sale.settled_at is not None and self._account.now() - sale.settled_at > _REFUND_WINDOW
        return Reason.TOO_OLD if old else Reason.NOT_REFUNDABLE
