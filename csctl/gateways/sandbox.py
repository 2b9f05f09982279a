"""The built-in gateway for rehearsals. It keeps a ledger of its own, so that what it "paid out" can be compared with
what the database believes, and behaves as the payment method's token says, so that every path can be rehearsed.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from csctl.clock import Clock
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.protocol import Answer, Capabilities, Found, Reason

_SCHEMA = """
CREATE TABLE IF NOT EXISTS operations (
    id INTEGER PRIMARY KEY,
    ref TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    parent_ref TEXT,
    key TEXT,
    token TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT,
    at TEXT NOT NULL,
    settled_at TEXT,
    voided INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS operations_key ON operations (key);
CREATE INDEX IF NOT EXISTS operations_parent ON operations (parent_ref);
CREATE TABLE IF NOT EXISTS lost_answers (ref TEXT PRIMARY KEY);
"""
_DECLINES_FIRST = re.compile(r"tok_refund_declined_(\d+)", re.ASCII)
_PARAMETERS = {"latency_ms", "idempotency", "lookup", "credentials"}


_LOST = Answer(State.UNKNOWN, reason=Reason.ANSWER_LOST, message="the connection timed out")


@dataclass(frozen=True)
class _Order:
    """What the sandbox is told to do."""

    kind: Kind
    key: str
    amount: int = 0
    currency: str = ""
    parent_ref: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class Lesson:
    """A sale that was made elsewhere, for the sandbox to know (`sandbox adopt`)."""

    ref: str
    kind: Kind
    amount: int
    currency: str
    token: str
    at: datetime
    settled_at: datetime | None
    parent_ref: str | None = None
    voided: bool = False


class Sandbox:
    """An account at the sandbox. Several processes may use one ledger at once."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        latency: float = 0,
        keys: bool = True,
        lookup: bool = True,
        known: bool = True,
    ) -> None:
        self.path, self._clock = path, clock
        self._one_at_a_time = threading.Lock()
        self._latency, self._keys, self._known = latency, keys, known
        self.capabilities = Capabilities(
            lookup=lookup, keys_live=timedelta(hours=24) if keys else None, absence_final_after=timedelta(0)
        )
        if not path.exists():
            path.touch(mode=0o600)  # like a shop's own database
        with self._ledger() as ledger:
            for statement in _SCHEMA.split(";"):
                ledger.execute(statement)

    @classmethod
    def at(cls, url: str, clock: Clock) -> Sandbox:
        """The account of a URL such as `sandbox:ledger.db?latency_ms=50&idempotency=off&lookup=off`.

        `credentials=wrong` makes it refuse every call, as a gateway does when a secret was rotated.
        """
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        try:
            if not parts.path or options.keys() - _PARAMETERS:
                raise ValueError
            return cls(
                Path(unquote(parts.path)),
                clock,
                latency=int(options.get("latency_ms", "0")) / 1000,
                keys=_switch(options.get("idempotency", "on")),
                lookup=_switch(options.get("lookup", "on")),
                known=options.get("credentials") != "wrong",
            )
        except ValueError:
            raise Misconfigured(
                f"{url} is no sandbox", fix="write it like sandbox:PATH?latency_ms=0&idempotency=on&lookup=on"
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise Misconfigured(f"the sandbox's ledger cannot be opened: {parts.path}", cause=str(error)) from None

    # -- what a gateway does

    def charge(self, token: str, amount: int, currency: str, key: str) -> Answer:
        return self._answer(_Order(Kind.SALE, key, amount, currency, token=token))

    def void(self, reference: str, key: str) -> Answer:
        return self._answer(_Order(Kind.VOID, key, parent_ref=reference))

    def refund(self, reference: str, amount: int, currency: str, key: str) -> Answer:
        return self._answer(_Order(Kind.REFUND, key, amount, currency, parent_ref=reference))

    def lookup(self, reference: str) -> Found | None:
        return self._find("ref = ?", reference)

    def find_operation(self, key: str, reference: str | None) -> Found | None:
        return self._find("key = ?", key)

    # -- what a gateway does not

    def teach(self, lessons: Iterable[Lesson]) -> int:
        """Put sales into the ledger that it does not know, and give known ones their token anew. Returns how many."""
        number = 0
        with self._ledger() as ledger:
            for lesson in lessons:
                number += 1
                settled = lesson.settled_at or _next_midnight(lesson.at)
                ledger.execute(
                    "INSERT INTO operations"
                    " (ref, kind, amount, currency, parent_ref, token, result, at, settled_at, voided)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'approved', ?, ?, ?)"
                    " ON CONFLICT (ref) DO UPDATE SET token = excluded.token",
                    (
                        *(
                            lesson.ref,
                            lesson.kind.value,
                            lesson.amount,
                            lesson.currency,
                            lesson.parent_ref,
                            lesson.token,
                        ),
                        *(_stamp(lesson.at), _stamp(settled), lesson.voided),
                    ),
                )
        return number

    def entries(self) -> Iterator[sqlite3.Row]:
        """The ledger, oldest first."""
        with self._ledger() as ledger:
            yield from ledger.execute("SELECT * FROM operations ORDER BY id")

    def reset(self) -> int:
        """Forget everything. Returns how many operations there were."""
        with self._ledger() as ledger:
            ledger.execute("DELETE FROM lost_answers")
            return ledger.execute("DELETE FROM operations").rowcount

    # -- inside

    @contextmanager
    def _ledger(self) -> Iterator[sqlite3.Connection]:
        """The ledger, in a transaction of its own. A connection a call: calls come from several threads.

        They queue here, since SQLite lets those who wait sleep far longer than a transaction takes.
        """
        with self._one_at_a_time:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")  # outlives a killed process; it need not a power cut
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()

    def _connect(self) -> None:
        if not self._known:
            raise Misconfigured("the gateway refuses these credentials", fix="correct the account's URL")
        time.sleep(self._latency)

    def _answer(self, order: _Order) -> Answer:
        self._connect()
        with self._ledger() as ledger:
            return self._carry_out(ledger, order)

    def _carry_out(self, ledger: sqlite3.Connection, order: _Order) -> Answer:
        if self._keys and (seen := ledger.execute("SELECT * FROM operations WHERE key = ?", (order.key,)).fetchone()):
            return _answer_of(seen)
        sale = ledger.execute("SELECT * FROM operations WHERE ref = ?", (order.parent_ref,)).fetchone()
        if sale is None and order.kind is not Kind.SALE:
            return Answer(State.DECLINED, reason=Reason.UNKNOWN_REFERENCE, message="Transaction not found")
        token = order.token or sale["token"]
        if token == "tok_unreachable":
            return Answer(State.FAILED, reason=Reason.UNREACHABLE, message="connection refused")
        lost = self._loses(ledger, order, token)
        if lost == "lost":
            ledger.execute("INSERT INTO lost_answers VALUES (?)", (order.parent_ref or token,))
            return _LOST
        answer = self._write(ledger, order, sale, token, self._decide(ledger, order, sale, token))
        return _LOST if lost == "applied" else answer

    def _loses(self, ledger: sqlite3.Connection, order: _Order, token: str) -> str | None:
        """Whether the answer is lost, having been `applied` or not (`lost`): of a sale's first refund or void, and of
        the first charge of a token that says so.
        """
        kind, _, what = token.rpartition("_")
        if order.kind is Kind.SALE:
            first = kind == "tok_charge_timeout" and self._is_first_charge(ledger, token)
        else:
            first = kind == "tok_timeout" and self._is_first(ledger, order.parent_ref)
        return what if first else None

    def _is_first_charge(self, ledger: sqlite3.Connection, token: str) -> bool:
        seen = "SELECT 1 FROM operations WHERE token = ? UNION ALL SELECT 1 FROM lost_answers WHERE ref = ?"
        return ledger.execute(seen, (token, token)).fetchone() is None

    def _is_first(self, ledger: sqlite3.Connection, parent_ref: str | None) -> bool:
        seen = "SELECT 1 FROM operations WHERE parent_ref = ? UNION ALL SELECT 1 FROM lost_answers WHERE ref = ?"
        return ledger.execute(seen, (parent_ref, parent_ref)).fetchone() is None

    def _decide(self, ledger: sqlite3.Connection, order: _Order, sale: sqlite3.Row | None, token: str) -> Answer:
        """What a gateway would say, by its own rules and then by the token's."""
        if sale is None:
            return _charge_answer(token)
        settled = self._has_settled(sale)
        if sale["voided"]:
            return _no(Reason.ALREADY_VOIDED, "The transaction was voided")
        if order.kind is Kind.VOID:
            return _no(Reason.ALREADY_SETTLED, "Only unsettled transactions can be voided") if settled else _yes()
        if not settled:
            return _no(Reason.NOT_SETTLED, "The transaction has not settled")
        paid = ledger.execute(
            "SELECT coalesce(sum(amount), 0) FROM operations WHERE parent_ref = ? AND kind = 'refund'"
            " AND result IN ('approved', 'pending')",
            (sale["ref"],),
        ).fetchone()[0]
        if paid + order.amount > sale["amount"]:
            return _no(Reason.OVER_AMOUNT, "Refund amount may not exceed the transaction balance")
        return self._refund_answer(ledger, sale["ref"], token)

    def _refund_answer(self, ledger: sqlite3.Connection, ref: str, token: str) -> Answer:
        if token == "tok_refund_declined":
            return _no(Reason.DECLINED, "Refund declined by the issuer")
        if match := _DECLINES_FIRST.fullmatch(token):
            declined = ledger.execute(
                "SELECT count(*) FROM operations WHERE parent_ref = ? AND kind = 'refund' AND result = 'declined'",
                (ref,),
            ).fetchone()[0]
            return _no(Reason.DECLINED, "Refund declined by the issuer") if declined < int(match[1]) else _yes()
        return Answer(State.PENDING) if token == "tok_pending" else _yes()

    def _write(
        self, ledger: sqlite3.Connection, order: _Order, sale: sqlite3.Row | None, token: str, answer: Answer
    ) -> Answer:
        """Put the operation into the ledger, with what was decided, and give it its reference."""
        now, ref = self._clock.now(), f"sbx_{uuid.uuid4().hex[:16]}"
        if order.kind is Kind.VOID and answer.state is State.APPROVED:
            ledger.execute("UPDATE operations SET voided = 1 WHERE ref = ?", (order.parent_ref,))
        whole = sale if order.kind is Kind.VOID else None  # there is no partial void
        ledger.execute(
            "INSERT INTO operations"
            " (ref, kind, amount, currency, parent_ref, key, token, result, reason, at, settled_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(ref, order.kind.value, whole["amount"] if whole else order.amount),
                *(whole["currency"] if whole else order.currency, order.parent_ref, order.key, token),
                *(answer.state.value, answer.reason.value if answer.reason else None),
                *(_stamp(now), _stamp(_next_midnight(now))),
            ),
        )
        return Answer(answer.state, ref, answer.reason, answer.message)

    def _find(self, condition: str, value: str) -> Found | None:
        self._connect()
        with self._ledger() as ledger:
            row = ledger.execute(f"SELECT * FROM operations WHERE {condition}", (value,)).fetchone()  # noqa: S608 - ours
            if row is None:
                return None
            if row["token"] == "tok_unreachable":
                raise Unreachable("the gateway cannot be reached", cause="connection refused")
            return self._as_found(self._caught_up(ledger, row))

    def _caught_up(self, ledger: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row:
        """The operation after what the days since then brought: pending ones are approved, some come back."""
        a_day_later = self._clock.day_of(datetime.fromisoformat(row["at"])) < self._clock.today()
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

    def _as_found(self, row: sqlite3.Row) -> Found:
        settled = self._has_settled(row) and not row["voided"]
        return Found(
            _answer_of(row),
            settlement=Settlement.SETTLED if settled else Settlement.UNSETTLED,
            settled_at=datetime.fromisoformat(row["settled_at"]) if settled else None,
            voided=bool(row["voided"]),
        )

    def _has_settled(self, row: sqlite3.Row) -> bool:
        """An authorization never does: no money moves by it."""
        return row["kind"] != Kind.AUTHORIZE and datetime.fromisoformat(row["settled_at"]) <= self._clock.now()


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(text)
    return text == "on"


def _yes() -> Answer:
    return Answer(State.APPROVED)


def _no(reason: Reason, message: str) -> Answer:
    return Answer(State.DECLINED, reason=reason, message=message)


def _charge_answer(token: str) -> Answer:
    if token == "tok_declined":
        return _no(Reason.DECLINED, "Card declined")
    if token == "tok_soft_declined":
        return _no(Reason.SOFT_DECLINED, "Insufficient funds")
    return _yes()


def _answer_of(row: sqlite3.Row) -> Answer:
    return Answer(State(row["result"]), row["ref"], Reason(row["reason"]) if row["reason"] else None)


def _next_midnight(moment: datetime) -> datetime:
    return (moment.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
