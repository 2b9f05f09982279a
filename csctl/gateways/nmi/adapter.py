"""An account at NMI or one of its resellers: charges, captures, voids and refunds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from csctl.domain.comparison import Entry
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways import decimals, partial, tokens
from csctl.gateways.nmi import answers, codes, records, requests, search
from csctl.gateways.nmi.account import Account
from csctl.gateways.nmi.codes import Meaning
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
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.transport import AnswerLost, NotSent, too_many, unanswered

# The delay of queries after a write is not published. Four hours is a safe guess.
_LAG = timedelta(hours=4)


class Nmi:
    """One account. Any number of threads may use it at once."""

    def __init__(self, account: Account, *, livemode: bool) -> None:
        self._account, self._livemode = account, livemode
        self.capabilities = Capabilities(
            # Some European processors never report settlement: only the gateway knows what can be refunded.
            refund_unsettled=Possible.ASK,
            partial_unsettled=True,
            finds=Finds.BY_KEY,
            keys_live=None,
            absence_final_after=dict.fromkeys(Kind, _LAG),
            refund_watch=search.WATCH,
            changes=True,
            records=True,
            total_keeps_returned=True,  # the actions of a sale are its history
            deadline=account.deadline,
        )

    def identity(self) -> Identity:
        """An identity without id, which NMI does not have. An answer proves only that the key is valid."""
        self._account.query(requests.probe(self._account.now() - timedelta(days=1)))
        return Identity(None, self._livemode)

    def check(self) -> Sequence[Problem]:
        try:
            self.identity()
        except (Misconfigured, Unreachable) as error:
            return [Problem.of(error)]
        return []

    def prepare(self, op: Operation) -> str | None:
        return None

    def charge(self, op: Operation) -> Answer:
        if no := decimals.refused(op.amount, op.currency):
            return no
        if tokens.NMI.parts(op.token) is None:
            return decimals.refusal(tokens.NMI.problem)
        return self._write(op, requests.charge(op))

    def capture(self, op: Operation) -> Answer:
        return decimals.refused(op.amount, op.currency) or self._write(op, requests.capture(op, op.its_sale))

    def void(self, op: Operation) -> Answer:
        return self._write(op, requests.void(op.its_sale))

    def refund(self, op: Operation) -> Answer:
        return decimals.refused(op.amount, op.currency) or self._write(op, requests.refund(op, op.its_sale))

    def lookup(self, reference: str, kind: Kind) -> Found:
        return records.found(search.by_reference(self._account, reference), kind)

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        return search.find(self._account, op)

    def changes(self, cursor: str | None) -> Iterator[Change]:
        return search.changes(self._account, cursor)

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        return search.listed(self._account, since, until)

    def close(self) -> None:
        self._account.close()

    # -- inside

    def _write(self, op: Operation, fields: requests.Fields) -> Answer:
        try:
            reply = self._account.transact(fields)
            if reply.status == 429:
                return too_many(reply)
            transacted = answers.read(reply, op)
        except (NotSent, AnswerLost) as error:
            return unanswered(error)
        return self._meant(op, transacted)

    def _meant(self, op: Operation, said: answers.Transacted) -> Answer:
        found, reason = codes.meaning(said.response, said.code, said.text, op.kind)
        message = self._account.clean(said.text)
        if found is Meaning.MISCONFIGURED:
            raise Misconfigured(
                "the gateway refuses the account", cause=message, fix="correct its security key: csctl gateway check"
            )
        if found is Meaning.APPROVED:
            return self._approved(op, said, message)
        if found is Meaning.LOOK:
            return self._why_not_voided(op, said, message)
        state = {
            Meaning.DECLINED: State.DECLINED,
            Meaning.REFUSED: State.FAILED,
        }.get(found, State.UNKNOWN)
        return Answer(state, said.reference, reason, message, code=said.code)

    def _approved(self, op: Operation, said: answers.Transacted, message: str | None) -> Answer:
        if said.partial and op.kind.charges_card and said.reference:
            return self._undo_part(op, said.reference)
        if op.kind is Kind.VOID:
            return Answer(State.APPROVED, said.reference, message=message, code=said.code)
        return Answer(
            State.APPROVED,
            said.reference,
            message=message,
            amount=said.amount,
            currency=op.currency if said.amount is not None else None,
            settlement=Settlement.UNSETTLED,
            code=said.code,
        )

    def _undo_part(self, op: Operation, reference: str) -> Answer:
        part = Sale(reference, op.amount, op.currency, op.sent_at)
        void = Operation(Kind.VOID, op.key, op.amount, op.currency, op.sent_at, sale=part)
        return partial.undone(lambda: self._write(void, requests.void(part)), reference, "part")

    def _why_not_voided(self, op: Operation, said: answers.Transacted, message: str | None) -> Answer:
        """The reason why a void was refused. A refund may follow only for a sale that has certainly settled."""
        reason = Reason.DECLINED
        try:
            sale = search.by_reference(self._account, op.its_sale.reference)
        except (Unreachable, UnknownReference):
            pass
        else:
            if sale.condition == "complete":
                reason = Reason.ALREADY_SETTLED
            elif records.found(sale, Kind.SALE).voided:
                reason = Reason.ALREADY_VOIDED
        return Answer(State.DECLINED, reason=reason, message=message, code=said.code)
