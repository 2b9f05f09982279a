"""An account at the sandbox. Several processes may use one ledger at once."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.operations import (
    Absent,
    Answer,
    Capabilities,
    Change,
    Finds,
    Found,
    Identity,
    Operation,
    Possible,
    Problem,
)
from csctl.gateways.pace import Pace, TurnTooLate
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.sandbox import rules
from csctl.gateways.sandbox.ledger import Ledger, Lesson, next_midnight, stamp
from csctl.gateways.urls import AccountUrl

_KEYS_LIVE = timedelta(hours=24)
_SETTLES = {"midnight": "midnight", "capture": "capture", "never": "never"}


@dataclass(frozen=True)
class Behavior:
    """How an account behaves, by the options of its URL. `settles`: midnight, capture or never."""

    latency: float = 0.0
    keys: bool = True
    finds: bool = True
    known: bool = True  # whether it takes our credentials
    settles: str = "midnight"
    delay: timedelta = timedelta(0)  # before a refund or charge can be found
    account: str | None = None


class Sandbox:
    """An account at the sandbox, with its ledger."""

    def __init__(
        self, path: Path, now: Callable[[], datetime], zone: tzinfo, behavior: Behavior, pace: Pace | None = None
    ) -> None:
        self._now, self._zone, self._as, self._pace = now, zone, behavior, pace or Pace()
        self._ledger = Ledger(path)
        at_once = behavior.settles == "capture"
        self.capabilities = Capabilities(
            void_captured=Possible.NO if at_once else Possible.YES,
            refund_unsettled=Possible.NO,
            finds=Finds.BY_KEY if behavior.finds else Finds.NOTHING,
            keys_live=_KEYS_LIVE if behavior.keys else None,
            absence_final_after=dict.fromkeys(Kind, behavior.delay),
            refund_watch=timedelta(days=1),
            reports_settlement=behavior.settles != "never",
        )

    @classmethod
    def at(cls, url: AccountUrl, now: Callable[[], datetime], zone: tzinfo, pace: Pace | None = None) -> Sandbox:
        """The account of a URL. `credentials=wrong` makes it refuse every call, as where a secret was rotated."""
        behavior = Behavior(
            latency=url.number("latency_ms", 0) / 1000,
            keys=url.switch("idempotency", default=True),
            finds=url.switch("lookup", default=True),
            known=url.text("credentials") != "wrong",
            settles=url.choice("settles", _SETTLES, "midnight"),
            delay=timedelta(minutes=url.number("lookup_delay_minutes", 0)),
            account=url.text("account") or None,
        )
        url.refuse_others()
        if not url.secret:
            raise url.problem("the path of the sandbox's ledger is missing", fix="write it like sandbox:PATH")
        try:
            return cls(Path(url.secret), now, zone, behavior, pace)
        except (sqlite3.Error, OSError) as error:
            raise Misconfigured(
                f"the sandbox's ledger cannot be opened: {url.secret}",
                cause=str(error),
                fix="name a file in a folder that exists and is yours: CSCTL_GATEWAY_…=sandbox:PATH",
            ) from None

    # -- what a gateway does

    def identity(self) -> Identity:
        self._connect()
        return Identity(self._as.account or self._ledger.account(), livemode=False)

    def check(self) -> Sequence[Problem]:
        try:
            self.identity()
        except (Misconfigured, Unreachable) as error:
            return [Problem(error.message, error.fix or "run it again")]
        return []

    def prepare(self, op: Operation) -> str | None:
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
        self._connect()
        with self._ledger.open() as ledger:
            row = ledger.execute("SELECT * FROM operations WHERE ref = ?", (reference,)).fetchone()
            if row is None:
                raise UnknownReference(reference)
            return self._found(ledger, row)

    def find(self, op: Operation) -> Found | Absent:
        self._connect()
        with self._ledger.open() as ledger:
            row = ledger.execute("SELECT * FROM operations WHERE key = ?", (op.key,)).fetchone()
            if row is not None and datetime.fromisoformat(row["at"]) <= self._now() - self._as.delay:
                return self._found(ledger, row)
            if op.sale is not None and self._sale(ledger, op) is None:
                raise UnknownReference(op.sale.reference)
        return Absent("the ledger")

    def changes(self, cursor: str | None) -> Iterator[Change]:
        return iter(())

    def close(self) -> None:
        """Every call has a connection of its own."""

    # -- what a gateway does not

    def teach(self, lessons: Iterable[Lesson]) -> int:
        """Put sales into the ledger that it does not know, and update the token of known ones. Returns how many."""
        return self._ledger.teach(lessons)

    def entries(self) -> Iterator[sqlite3.Row]:
        """The ledger, oldest first."""
        return self._ledger.entries()

    def reset(self) -> int:
        """Forget everything. Returns how many operations there were."""
        return self._ledger.reset()

    # -- inside

    def _connect(self) -> None:
        try:
            self._pace.wait()
        except TurnTooLate:
            raise Unreachable("the gateway cannot be asked now", cause="too many calls wait for their turn") from None
        if not self._as.known:
            raise Misconfigured("the gateway refuses these credentials", fix="correct the account's URL")
        time.sleep(self._as.latency)

    def _answer(self, op: Operation) -> Answer:
        try:
            self._connect()
        except Unreachable as error:
            return Answer(State.FAILED, reason=Reason.BUSY, message=error.cause)
        with self._ledger.open() as ledger:
            return self._carry_out(ledger, op)

    def _carry_out(self, ledger: sqlite3.Connection, op: Operation) -> Answer:
        seen = ledger.execute("SELECT * FROM operations WHERE key = ?", (op.key,)).fetchone()
        if self._as.keys and seen:
            return self._said(seen)
        sale = self._sale(ledger, op) if op.sale else None
        if op.sale and sale is None:
            return Answer(State.DECLINED, reason=Reason.UNKNOWN_REFERENCE, message="Transaction not found")
        token = sale["token"] if sale else op.token or ""
        if token == "tok_unreachable":
            return Answer(State.FAILED, reason=Reason.UNREACHABLE, message="connection refused")
        lost = rules.loses(ledger, op, token)
        if lost == "lost":
            ledger.execute("INSERT INTO lost_answers VALUES (?)", (op.sale.reference if op.sale else token,))
            return rules.LOST
        settled = sale is not None and self._has_settled(sale)
        voidable = self.capabilities.void_captured is Possible.YES
        said = rules.decide(ledger, op, sale, token, settled=settled, voidable=voidable)
        answer = self._write(ledger, op, sale, token, said)
        return rules.LOST if lost == "applied" else answer

    def _sale(self, ledger: sqlite3.Connection, op: Operation) -> sqlite3.Row | None:
        reference = op.sale.reference if op.sale else None
        row: sqlite3.Row | None = ledger.execute("SELECT * FROM operations WHERE ref = ?", (reference,)).fetchone()
        return row

    def _write(
        self, ledger: sqlite3.Connection, op: Operation, sale: sqlite3.Row | None, token: str, answer: Answer
    ) -> Answer:
        """Put the operation into the ledger, with what was decided, and give it its reference."""
        now, ref = self._now(), f"sbx_{uuid.uuid4().hex[:16]}"
        if op.kind is Kind.VOID and answer.state is State.APPROVED and sale:
            ledger.execute("UPDATE operations SET voided = 1 WHERE ref = ?", (sale["ref"],))
        whole = sale if op.kind is Kind.VOID else None  # there is no partial void
        amount, currency = (whole["amount"], whole["currency"]) if whole else (op.amount, op.currency)
        settles = stamp(now if self._as.settles == "capture" else next_midnight(now))
        ledger.execute(
            "INSERT INTO operations"
            " (ref, kind, amount, currency, parent_ref, key, token, result, reason, at, settled_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(ref, op.kind.value, amount, currency, sale["ref"] if sale else None, op.key, token),
                *(answer.state.value, answer.reason.value if answer.reason else None, stamp(now), settles),
            ),
        )
        row = ledger.execute("SELECT * FROM operations WHERE ref = ?", (ref,)).fetchone()
        return replace(self._said(row), message=answer.message)

    def _found(self, ledger: sqlite3.Connection, row: sqlite3.Row) -> Found:
        if row["token"] == "tok_unreachable":
            raise Unreachable("the gateway cannot be reached", cause="connection refused")
        row = self._caught_up(ledger, row)
        answer = self._said(row)
        return Found(
            answer,
            settlement=answer.settlement,
            settled_at=answer.settled_at,
            voided=bool(row["voided"]),
            captured=row["kind"] != Kind.AUTHORIZE,
            refunded_total=rules.returned(ledger, row["ref"]) if row["kind"] in (Kind.SALE, Kind.CAPTURE) else None,
        )

    def _caught_up(self, ledger: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row:
        """The operation after what the days since then brought: pending ones are approved, some come back."""
        a_day_later = self._day(datetime.fromisoformat(row["at"])) < self._day(self._now())
        if row["kind"] != Kind.REFUND or not a_day_later:
            return row
        result, reason = row["result"], row["reason"]
        if result == State.PENDING:
            result = State.APPROVED
        elif result == State.APPROVED and row["token"] == "tok_refund_returned":
            result, reason = State.FAILED, Reason.RETURNED
        ledger.execute("UPDATE operations SET result = ?, reason = ? WHERE id = ?", (str(result), reason, row["id"]))
        caught_up: sqlite3.Row = ledger.execute("SELECT * FROM operations WHERE id = ?", (row["id"],)).fetchone()
        return caught_up

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()

    def _said(self, row: sqlite3.Row) -> Answer:
        """The answer to an operation that is in the ledger."""
        approved = row["result"] == State.APPROVED
        settled = self._has_settled(row) and not row["voided"]
        settlement = (Settlement.SETTLED if settled else Settlement.UNSETTLED) if row["kind"] != Kind.VOID else None
        return Answer(
            State(row["result"]),
            row["ref"],
            Reason(row["reason"]) if row["reason"] else None,
            amount=row["amount"] if approved else None,
            currency=row["currency"] if approved else None,
            settlement=settlement,
            settled_at=datetime.fromisoformat(row["settled_at"]) if settled and settlement else None,
            livemode=False,
        )

    def _has_settled(self, row: sqlite3.Row) -> bool:
        """An authorization never does: no money moves by it."""
        if row["kind"] == Kind.AUTHORIZE or self._as.settles == "never":
            return False
        return datetime.fromisoformat(row["settled_at"]).astimezone(UTC) <= self._now()
