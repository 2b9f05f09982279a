"""The gateway of Acme, a company that does not exist: `CSCTL_GATEWAY_MAIN=acme:KEY`.

Acme speaks JSON. It remembers idempotency keys for a day, settles at midnight, finds operations by key, and numbers
what happens in its account.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from urllib.parse import quote

from csctl.domain.comparison import Entry
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.operations import (
    Absent,
    Ambiguous,
    Answer,
    Capabilities,
    Change,
    Dispute,
    DisputeState,
    Found,
    Identity,
    Operation,
    Problem,
)
from csctl.gateways.pace import Pace
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.transport import JSON, AnswerLost, NotSent, Reply, Transport, unanswered
from csctl.gateways.urls import AccountUrl

Fields = Mapping[str, object]

# What Acme's errors mean. Whatever is not listed is unknown, and decided by asking.
_ERRORS: dict[str, tuple[State, Reason]] = {
    "declined": (State.DECLINED, Reason.DECLINED),
    "insufficient_funds": (State.DECLINED, Reason.SOFT_DECLINED),
    "settled": (State.DECLINED, Reason.ALREADY_SETTLED),
    "not_settled": (State.DECLINED, Reason.NOT_SETTLED),
    "voided": (State.DECLINED, Reason.ALREADY_VOIDED),
    "too_much": (State.DECLINED, Reason.OVER_AMOUNT),
    "disputed": (State.FAILED, Reason.DISPUTED),
    "unknown_payment": (State.DECLINED, Reason.UNKNOWN_REFERENCE),
    "unknown_card": (State.DECLINED, Reason.UNKNOWN_REFERENCE),
}
_STATES = {
    "approved": (State.APPROVED, None),
    "pending": (State.PENDING, None),
    "declined": (State.DECLINED, Reason.DECLINED),
    "returned": (State.FAILED, Reason.RETURNED),
}


def open_account(url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace) -> Acme:
    """The account of a URL. Raises Misconfigured. Opens no connection."""
    base, timeout, key = url.text("base", "https://api.acme.example"), url.timeout, url.secret
    url.refuse_others()
    transport = Transport(
        base,
        secrets=[key],
        headers={"Authorization": f"Bearer {key}"},
        pace=pace,
        deadline=timeout.total_seconds(),
        rehearsal=rehearsal,
    )
    return Acme(transport, livemode=not key.startswith("test-"))


@dataclass(frozen=True)
class Acme:
    """One account. Any number of threads may use it at once."""

    transport: Transport
    livemode: bool

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            keys_live=timedelta(hours=23),  # Acme may forget one after 24
            absence_final_after=dict.fromkeys(Kind, timedelta(hours=1)),
            refund_watch=timedelta(days=10),
            changes=True,
            records=True,
            deadline=timedelta(seconds=self.transport.deadline),
        )

    def identity(self) -> Identity:
        return Identity(_text(self._get("/account"), "id") or None, self.livemode)

    def check(self) -> Sequence[Problem]:
        try:
            self.identity()
        except (Misconfigured, Unreachable) as error:
            return [Problem(error.message, error.fix or "try again later")]
        return []

    def prepare(self, op: Operation) -> str | None:
        return None

    # -- what moves money

    def charge(self, op: Operation) -> Answer:
        capture = op.kind is Kind.SALE
        return self._write("/payments", op, {**_money(op), "card": op.token, "capture": capture})

    def capture(self, op: Operation) -> Answer:
        return self._write(f"{_path(op)}/capture", op, _money(op))

    def void(self, op: Operation) -> Answer:
        return self._write(f"{_path(op)}/void", op, {})

    def refund(self, op: Operation) -> Answer:
        return self._write(f"{_path(op)}/refunds", op, _money(op))

    # -- what only asks

    def lookup(self, reference: str, kind: Kind) -> Found:
        try:
            shown = self._get(f"/operations/{quote(reference, safe='')}")
        except _NoRecord:
            raise UnknownReference(reference) from None
        return _found(shown, kind)

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        if op.sale is not None:
            self.lookup(op.sale.reference, Kind.SALE)  # one that the account does not know means another account
        else:
            self._require_card(op.token or "")
        shown = self._get(f"/operations?key={quote(op.key)}").get("found")
        found = [one for one in shown if isinstance(one, Mapping)] if isinstance(shown, list) else []
        if len(found) > 1:
            return Ambiguous(tuple(_text(one, "id") for one in found))
        return _found(found[0], op.kind) if found else Absent("the operations, by the attempt's key")

    def changes(self, cursor: str | None) -> Iterator[Change]:
        number = cursor if cursor and cursor.isdecimal() else "0"
        while shown := self._get(f"/changes?after={number}").get("found"):
            for one in shown if isinstance(shown, list) else []:
                number, kind = _text(one, "number"), Kind(_text(one, "kind"))
                sale, key = _text(one, "payment") or None, _text(one, "key") or None
                yield Change(kind, _text(one, "id"), number, sale, key, _found(one, kind))

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        for change in self.changes(None):
            at = _moment(self._get(f"/operations/{quote(change.reference, safe='')}"), "at")
            if change.found and at and since <= at < until:
                yield change.found.entry(change.kind, key=change.key, sale_reference=change.sale_reference, at=at)

    def close(self) -> None:
        self.transport.close()

    # -- inside

    def _write(self, path: str, op: Operation, fields: Fields) -> Answer:
        if not 0 < op.amount < 10**9 or len(op.currency) != 3:
            return Answer(State.FAILED, reason=Reason.REFUSED, message="the amount is out of range")
        body = json.dumps({**fields, "key": op.key}).encode()
        try:
            return self._read(self.transport.write("POST", path, body=body, content_type=JSON), op)
        except (NotSent, AnswerLost) as error:
            return unanswered(error)

    def _read(self, reply: Reply, op: Operation) -> Answer:
        """The answer to `op`. Raises AnswerLost for what is not one, and Misconfigured."""
        if reply.status == 429:
            return Answer(State.FAILED, reason=Reason.BUSY, message="too many requests", retry_after=reply.retry_after)
        shown = reply.json()
        code = _text(shown, "error")
        if reply.status == 401:
            raise self._misconfigured()
        if reply.status == 422 and code:
            state, reason = _ERRORS.get(code, (State.UNKNOWN, None))
            return Answer(state, reason=reason, message=self.transport.clean(shown.get("message")), code=code)
        if reply.status != 200 or _text(shown, "key") != op.key or not _text(shown, "id"):
            raise reply.unreadable("it is not the answer to this operation")
        return _found(shown, op.kind).answer

    def _get(self, path: str) -> dict[str, object]:
        """Raises _NoRecord, Misconfigured, Unreachable."""
        path, _, query = path.partition("?")
        pairs = [(query.partition("=")[0], query.partition("=")[2])] if query else []
        reply = self.transport.read("GET", path, query=pairs)
        if reply.status == 401:
            raise self._misconfigured()
        shown = reply.json()
        if reply.status == 404 and _text(shown, "error") == "unknown":
            raise _NoRecord
        if reply.status != 200:
            raise reply.unreadable("it is not what was asked for")
        return shown

    def _require_card(self, card: str) -> None:
        try:
            self._get(f"/cards/{quote(card, safe='')}")
        except _NoRecord:
            raise UnknownReference(f"the card {card}") from None

    def _misconfigured(self) -> Misconfigured:
        return Misconfigured("Acme refuses the account", fix="correct its key: csctl gateway check")


class _NoRecord(Exception):
    """The account has no such record."""


def _path(op: Operation) -> str:
    return f"/payments/{quote(op.its_sale.reference, safe='') or '-'}"


def _money(op: Operation) -> Fields:
    # The amount always: left out, a gateway returns all that remains by its own books.
    return {"amount": op.amount, "currency": op.currency}


def _found(shown: Fields, kind: Kind) -> Found:
    state, reason = _STATES.get(_text(shown, "state"), (State.UNKNOWN, None))
    amount, returned, settled = shown.get("amount"), shown.get("returned"), _moment(shown, "settled_at")
    settlement = Settlement.SETTLED if settled else Settlement.UNSETTLED
    answer = Answer(
        state,
        _text(shown, "id"),
        reason,
        amount=amount if isinstance(amount, int) else None,
        currency=_text(shown, "currency") or None,
        settlement=settlement,
        settled_at=settled,
        code=_text(shown, "state"),
    )
    return Found(
        answer,
        settlement=settlement,
        settled_at=settled,
        voided=shown.get("voided") is True,
        captured=shown.get("captured") is True,
        refunded_total=returned if isinstance(returned, int) and kind is not Kind.REFUND else None,
        dispute=Dispute(DisputeState.OPEN) if shown.get("disputed") is True else None,
    )


def _text(shown: object, name: str) -> str:
    found = shown.get(name) if isinstance(shown, Mapping) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _moment(shown: Fields, name: str) -> datetime | None:
    written = _text(shown, name)
    return datetime.fromisoformat(written) if written else None
