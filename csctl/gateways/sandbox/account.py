"""An account at the sandbox: the gateway protocol over a ledger file."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

from csctl.domain.comparison import Entry
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.operations import (
    Absent,
    Ambiguous,
    Answer,
    Change,
    Dispute,
    DisputeState,
    Found,
    Identity,
    Operation,
    Problem,
)
from csctl.gateways.pace import Pace, TurnTooLate
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.sandbox import behavior, history
from csctl.gateways.sandbox.ledger import Ledger, Lesson, by, next_midnight, returned, stamp
from csctl.gateways.sandbox.options import Options, capabilities_of, options_of
from csctl.gateways.urls import AccountUrl

_LOST = Answer(State.UNKNOWN, reason=Reason.ANSWER_LOST, message="the connection timed out")
_BUSY = Answer(State.FAILED, reason=Reason.BUSY, message="Too many requests", retry_after=1.0)


class Sandbox:
    """An account at the sandbox. Several processes may use one ledger at once."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], datetime],
        zone: tzinfo,
        pace: Pace | None = None,
        options: Options | None = None,
    ) -> None:
        self.ledger, self._now, self._zone = Ledger(path), now, zone
        self._pace, self._options = pace or Pace(), options or Options()
        self._recent: deque[float] = deque()
        self._counting = threading.Lock()
        self.capabilities = capabilities_of(self._options)

    @classmethod
    def at(cls, url: AccountUrl, now: Callable[[], datetime], zone: tzinfo, pace: Pace | None = None) -> Sandbox:
        """The account of a URL such as `sandbox:ledger.db?latency_ms=50&idempotency=off&lookup=off`.

        `credentials=wrong` makes it refuse every call, as a gateway does when a secret was rotated.
        """
        path = Path(url.secret)
        if not url.secret:
            raise url.problem("the sandbox needs a ledger file", fix="write it like sandbox:PATH?latency_ms=0")
        try:
            return cls(path, now, zone, pace, options_of(url))
        except (sqlite3.Error, OSError) as error:
            raise Misconfigured(
                f"the sandbox's ledger cannot be opened: {path}",
                cause=str(error),
                fix="name a file in a folder that is yours: CSCTL_GATEWAY_…=sandbox:PATH (csctl config show)",
            ) from None

    # -- the protocol

    def identity(self) -> Identity:
        self._refuse_credentials()
        return Identity(self._options.account or self.ledger.account(), livemode=False)

    def check(self) -> Sequence[Problem]:
        try:
            self._connect()
        except (Misconfigured, Unreachable) as error:
            return [Problem.of(error)]
        return []

    def prepare(self, op: Operation) -> str | None:
        del op
        return None

    def charge(self, op: Operation) -> Answer:
        return self._answer(op)

    def capture(self, op: Operation) -> Answer:
        return self._answer(op)

    def void(self, op: Operation) -> Answer:
        return self._answer(op)

    def refund(self, op: Operation) -> Answer:
        return self._answer(op)

    def lookup(self, reference: str, kind: Kind) -> Found:
        del kind  # its references are unique whatever they name
        self._connect()
        with self.ledger.open() as books:
            row = by(books, "ref", reference)
            if row is None:
                raise UnknownReference(reference)
            return self._found(books, row)

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        self._connect()
        with self.ledger.open() as books:
            if op.sale is not None and by(books, "ref", op.sale.reference) is None:
                raise UnknownReference(op.sale.reference)
            row = by(books, "key", op.key)
            if row is None or self._now() - datetime.fromisoformat(row["at"]) < self._options.lookup_delay:
                return Absent("the ledger, by the attempt's key")
            return self._found(books, row)

    def changes(self, cursor: str | None) -> Iterator[Change]:
        self._connect()
        with self.ledger.open() as books:
            return iter(list(history.changes(books, cursor, self._now(), lambda row: self._look(books, row))))

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        self._connect()
        period = (stamp(since), stamp(until))
        with self.ledger.open() as books:
            rows = books.execute("SELECT * FROM operations WHERE at >= ? AND at < ? ORDER BY id", period).fetchall()
            found = [(row, self._look(books, row)) for row in rows]
        for row, look in found:
            at = datetime.fromisoformat(row["at"])
            yield look.entry(Kind(row["kind"]), key=row["key"], sale_reference=row["parent_ref"], at=at)

    def close(self) -> None:
        self.ledger.close()

    # -- what a gateway does not offer

    def teach(self, lessons: Iterable[Lesson]) -> int:
        return self.ledger.teach(lessons)

    def entries(self) -> Iterator[sqlite3.Row]:
        return self.ledger.entries()

    def reset(self) -> int:
        return self.ledger.reset()

    # -- inside

    def _connect(self) -> None:
        try:
            self._pace.wait()
        except TurnTooLate as late:
            raise Unreachable("the gateway cannot be asked now", cause=str(late)) from None
        self._refuse_credentials()
        time.sleep(self._options.latency)

    def _refuse_credentials(self) -> None:
        if not self._options.known:
            raise Misconfigured("the gateway refuses these credentials", fix="correct the account's URL")

    def _answer(self, op: Operation) -> Answer:
        try:
            self._connect()
        except Unreachable as error:
            return replace(_BUSY, message=error.cause)
        if self._over_the_limit():
            return _BUSY
        with self.ledger.open() as books:
            return self._carry_out(books, op)

    def _over_the_limit(self) -> bool:
        if not self._options.rate_limit:
            return False
        with self._counting:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self._options.rate_limit:
                return True
            self._recent.append(now)
            return False

    def _carry_out(self, books: sqlite3.Connection, op: Operation) -> Answer:
        if self._options.keys and (seen := by(books, "key", op.key)):
            return _answer_of(seen)
        sale = by(books, "ref", op.sale.reference) if op.sale else None
        if sale is None and op.sale is not None:
            return Answer(State.DECLINED, reason=Reason.UNKNOWN_REFERENCE, message="Transaction not found")
        token = str(sale["token"] if sale else op.token)
        if refusal := behavior.refusal(token):
            return refusal
        lost = behavior.loses(books, op, token)
        if lost == "lost":
            books.execute("INSERT INTO lost_answers VALUES (?)", (op.sale.reference if op.sale else token,))
            return _LOST
        self._page(books, sale, token)
        settled, early = sale is not None and self._has_settled(sale), self._options.settles == "never"
        decided = behavior.decide(books, op, sale, token, settled=settled, early=early)
        answer = self._write(books, op, sale, token, decided)
        return _LOST if lost == "applied" else answer

    def _page(self, books: sqlite3.Connection, sale: sqlite3.Row | None, token: str) -> None:
        """What a person does on the gateway's own page as soon as the sale has settled: return it, or a part of it."""
        if sale is None or sale["voided"] or not self._has_settled(sale):
            return
        amount = behavior.returned_by_others(books, sale, token)
        if amount > 0:
            self._insert(books, Kind.REFUND, amount, sale["currency"], sale["ref"], None, token, behavior.YES)

    def _write(
        self, books: sqlite3.Connection, op: Operation, sale: sqlite3.Row | None, token: str, decided: Answer
    ) -> Answer:
        """Put the operation into the ledger, with what was decided, and give it its reference."""
        amount, currency = op.amount, op.currency
        if op.kind is Kind.VOID and sale is not None:
            amount, currency = sale["amount"], sale["currency"]  # there is no partial void
            if decided.state is State.APPROVED:
                books.execute("UPDATE operations SET voided = 1 WHERE ref = ?", (sale["ref"],))
        amount = behavior.carried_out(token, op.kind, amount)
        parent = sale["ref"] if sale else None
        ref = self._insert(books, op.kind, amount, currency, parent, op.key, token, decided)
        if token == "tok_partial_auth" and op.kind is Kind.SALE:  # approved in part, which is voided at once
            books.execute("UPDATE operations SET voided = 1 WHERE ref = ?", (ref,))
        settlement = self._settlement(op.kind, decided)
        return replace(decided, reference=ref, amount=amount, currency=currency, settlement=settlement)

    def _settlement(self, kind: Kind, decided: Answer) -> Settlement | None:
        if decided.state is not State.APPROVED or not kind.settles:
            return None
        return Settlement.SETTLED if self._options.settles == "capture" else Settlement.UNSETTLED

    def _insert(
        self,
        books: sqlite3.Connection,
        kind: Kind,
        amount: int,
        currency: str,
        parent: str | None,
        key: str | None,
        token: str,
        answer: Answer,
    ) -> str:
        now, ref = self._now(), f"sbx_{uuid.uuid4().hex[:16]}"
        settled = now if self._options.settles == "capture" else next_midnight(now)
        books.execute(
            "INSERT INTO operations"
            " (ref, kind, amount, currency, parent_ref, key, token, result, reason, at, settled_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(ref, kind.value, amount, currency, parent, key, token),
                *(answer.state.value, answer.reason.value if answer.reason else None, stamp(now), stamp(settled)),
            ),
        )
        return ref

    def _found(self, books: sqlite3.Connection, row: sqlite3.Row) -> Found:
        if row["token"] == "tok_unreachable":
            raise Unreachable("the gateway cannot be reached", cause="connection refused")
        return self._look(books, row)

    def _look(self, books: sqlite3.Connection, row: sqlite3.Row) -> Found:
        self._page(books, row if row["kind"] in ("sale", "capture") else None, row["token"])
        row = behavior.caught_up(books, row, self._now(), self._zone)
        is_sale = row["kind"] in ("sale", "capture")
        settled = self._has_settled(row) and not row["voided"]
        return Found(
            _answer_of(row),
            settlement=Settlement.SETTLED if settled else Settlement.UNSETTLED,
            settled_at=datetime.fromisoformat(row["settled_at"]) if settled else None,
            voided=bool(row["voided"]),
            captured=row["kind"] != Kind.AUTHORIZE,
            refunded_total=returned(books, row["ref"]) if is_sale else None,
            dispute=_dispute(row) if is_sale else None,
        )

    def _has_settled(self, row: sqlite3.Row) -> bool:
        """An authorization never does: no money moves by it."""
        if row["kind"] == Kind.AUTHORIZE or self._options.settles == "never":
            return False
        return datetime.fromisoformat(row["settled_at"]) <= self._now()


def _answer_of(row: sqlite3.Row) -> Answer:
    reason = Reason(row["reason"]) if row["reason"] else None
    message = behavior.PARTIAL.message if row["token"] == "tok_partial_auth" and row["kind"] == "sale" else None
    return Answer(State(row["result"]), row["ref"], reason, message, amount=row["amount"], currency=row["currency"])


def _dispute(row: sqlite3.Row) -> Dispute | None:
    if row["token"] != "tok_disputed":
        return None
    return Dispute(DisputeState.OPEN, amount=row["amount"], reason="fraudulent", reference=f"dp_{row['ref']}")
