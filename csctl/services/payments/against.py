"""Compare the books with what a gateway has on record: `txn reconcile --against`, the monthly job of a finance team."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from csctl.domain import ids
from csctl.domain.comparison import Booked, Difference, Entry, Finding, compare
from csctl.domain.money import to_decimal
from csctl.domain.plurals import counted
from csctl.domain.reasons import Reason
from csctl.domain.states import ACCEPTED_STATES, Kind, Outside, State
from csctl.errors import Conflict, NotFound, Unreachable
from csctl.gateways.operations import Finds, Found
from csctl.models import Transaction
from csctl.results import Row
from csctl.services.payments import operations
from csctl.services.payments.fixes import Fixes
from csctl.services.payments.learned import has_come_back
from csctl.services.shared import access, listing

if TYPE_CHECKING:
    from csctl.app import App

FIELDS = (
    *("id", "difference", "kind", "state", "amount", "currency", "gateway", "gateway_ref"),
    *("gateway_state", "gateway_amount", "gateway_currency", "at", "fix"),
)
COLUMNS = ("id", "difference", "kind", "amount", "gateway_amount", "currency", "gateway_ref", "fix")
# Both sides write down their own time of an operation: near the ends of a period it may be in it for one side only.
_MARGIN = timedelta(days=2)
_PERIOD = timedelta(days=30)


@dataclass(frozen=True)
class Period:
    """From `since` up to, and without, `until` (UTC)."""

    since: datetime
    until: datetime

    def __contains__(self, at: datetime | None) -> bool:
        return at is None or self.since <= at < self.until


@dataclass(frozen=True)
class Records:
    """The gateway's side. Of the `listed` kinds it has all of the period: what is missing is not at the gateway.

    `account` is whose it is; None where only the records themselves can tell.
    """

    entries: list[Entry]
    account: str | None = None
    listed: frozenset[Kind] = frozenset(Kind)


def period(app: App, since: str | None, until: str | None, records: Records | None = None) -> Period:
    """The period that is compared [default: that of the records of a file, else the last 30 days].

    Raises Usage for a time that is not valid.
    """
    first, after = listing.period(app.clock, since, until)
    times = [entry.at for entry in records.entries if entry.at] if records else []
    moment = timedelta(seconds=1)  # what was made at the last moment is in it
    last = after or max(times, default=app.clock.now()) + moment
    return Period(first or min(times, default=last - _PERIOD), last)


def permit(app: App) -> None:
    """Raises NotPermitted for anybody but an administrator."""
    access.require(app, "txn reconcile with --against")


def account(app: App, name: str, period: Period) -> Records:
    """What a configured account has on record; `sandbox` is the one sandbox account. Raises NotFound and Conflict."""
    permit(app)
    wanted = name
    if name == "sandbox" and name not in app.gateways:
        sandboxes = list(app.gateways.sandboxes())
        if len(sandboxes) > 1:
            raise Conflict("several accounts are sandboxes", fix=f"name one of: {', '.join(sandboxes)}")
        wanted = sandboxes[0] if sandboxes else name
    if wanted not in app.gateways:
        raise NotFound(f"there is no account or file {name}", fix="csctl gateway list")
    if not app.gateways[wanted].capabilities.records:
        raise Conflict(
            f"the account {wanted} cannot list what it has on record",
            fix="export it on the gateway's own page: csctl txn reconcile --against FILE",
        )
    entries = app.gateways[wanted].records(period.since - _MARGIN, period.until + _MARGIN)
    return Records(list(entries), wanted)


def differences(app: App, records: Records, period: Period) -> list[Row]:
    """The rows of all that differs. A notice says how much was compared.

    Failed attempts that the records do not name are looked up at their account by their key: a process that was killed
    after the gateway had paid leaves such a row if its attempt was closed as failed.
    """
    permit(app)
    entries, name = records.entries, records.account
    keeps = name is not None and app.gateways.capabilities(name).total_keeps_returned
    with app.read() as session:
        books = list(_books(session, name, period, came_back=keeps))
    of_account = _accounts(records, books, entries)
    books = [row for row in books if row.account in of_account or not of_account]
    found = [finding for finding in compare(books, entries, listed=records.listed) if _belongs(finding, period)]
    named = {finding.ours.id for finding in found if finding.ours}
    found += _looked_up(app, [row for row in books if row.id not in named], entries, period)
    fixes = Fixes(app, records.account, found)
    rows = [_row(finding, records.account, fixes) for finding in found]
    app.notice(
        f"{period.since:%Y-%m-%d} to {period.until:%Y-%m-%d}: {counted(len(rows), 'difference')} between"
        f" {counted(len(books), 'transaction')} and {counted(len(entries), 'operation')} at the gateway."
    )
    return rows


def _books(session: Session, account: str | None, period: Period, *, came_back: bool) -> Iterator[Booked]:
    """The transactions of a period, except what was returned by other means than a gateway. With refunds that
    `came_back` if the gateway's sums still have them.
    """
    learned = and_(Transaction.outside == Outside.GATEWAY, Transaction.gateway_ref.is_(None))
    rows = select(Transaction, _returned(came_back=came_back), _returned(Outside.GATEWAY)).where(
        Transaction.created_at >= period.since - _MARGIN,
        Transaction.created_at < period.until + _MARGIN,
        Transaction.duplicate_at.is_(None),
        or_(Transaction.outside.is_(None), and_(Transaction.outside == Outside.GATEWAY, ~learned)),
    )
    if account is not None:
        rows = rows.where(Transaction.gateway == account)
    for row, returned, unnamed in session.execute(rows.order_by(Transaction.id)):
        yield Booked(
            row.id,
            row.gateway_ref,
            row.kind,
            row.state,
            row.amount,
            row.currency,
            row.created_at,
            row.gateway,
            row.key,
            voided=row.voided_at is not None,
            at_gateway=returned,
            unnamed=unnamed,
            sale_id=row.parent_id,
            mismatched=row.reason is Reason.MISMATCH,
        )


def _returned(learned: Outside | None = None, *, came_back: bool = False) -> ScalarSelect[int]:
    """What was returned of a sale at its gateway; only what was `learned` from its total, without a reference."""
    child = aliased(Transaction)
    whose = [child.parent_id == Transaction.id, child.kind == Kind.REFUND]
    if learned:
        which = [child.outside == learned, child.gateway_ref.is_(None), child.state == State.APPROVED]
    else:
        gone: ColumnElement[bool] = child.state.in_(ACCEPTED_STATES)
        gone = gone | has_come_back(child) if came_back else gone
        which = [gone, or_(child.outside.is_(None), child.outside == Outside.GATEWAY)]
    return select(func.coalesce(func.sum(child.amount), 0)).where(*whose, *which).scalar_subquery()


def _accounts(records: Records, books: list[Booked], entries: list[Entry]) -> set[str]:
    """Whose records these are: the named account, else those of the transactions that the records name."""
    if records.account is not None:
        return {records.account}
    references = {reference for entry in entries for reference in (entry.reference, *entry.aliases)}
    return {row.account for row in books if row.reference in references}


def _belongs(finding: Finding, period: Period) -> bool:
    """Whether a difference is one of the period: one side's own time decides where the other does not have it."""
    times = [side.at for side in (finding.ours, finding.theirs) if side is not None]
    return any(at in period for at in times)


def _looked_up(app: App, failed: list[Booked], entries: list[Entry], period: Period) -> Iterator[Finding]:
    """Failed attempts that their gateway did carry out. Those that it cannot be asked about are left out."""
    recorded = {entry.key for entry in entries}
    for row in failed:
        if row.state is not State.FAILED or not row.key or row.at not in period or row.key in recorded:
            continue
        if row.account not in app.gateways or app.gateways[row.account].capabilities.finds is Finds.NOTHING:
            continue
        with app.read() as session:
            attempt = session.get_one(Transaction, row.id)
            if row.kind is Kind.VOID and session.get_one(Transaction, attempt.parent_id).voided_at:
                continue  # by another attempt: what is voided does not name the key
            operation = operations.of_attempt(session, attempt)
        try:
            found = app.gateways[row.account].find(operation)
        except Unreachable as error:
            app.notice(f"{ids.show('txn', row.id)} could not be looked up: {error.cause or error.message}")
            continue
        if isinstance(found, Found) and found.answer.state.accepted:
            yield Finding(Difference.PAID_AFTER_ALL, row, found.entry(row.kind, key=row.key))


def _row(finding: Finding, account: str | None, fixes: Fixes) -> Row:
    ours, theirs = finding.ours, finding.theirs
    kind = ours.kind if ours else theirs.kind if theirs else None
    currency = ours.currency if ours else (theirs and theirs.currency) or fixes.currency(finding)
    return {
        "id": ids.show("txn", ours.id) if ours else theirs and theirs.reference,
        "difference": finding.what,
        "kind": kind,
        "state": ours and ours.state,
        "amount": to_decimal(ours.amount, ours.currency) if ours else None,
        "currency": currency,
        "gateway": ours.account if ours else account,
        "gateway_ref": (theirs and theirs.reference) or (ours and ours.reference) or None,
        "gateway_state": theirs and theirs.state,
        "gateway_amount": _amount(theirs, currency),
        "gateway_currency": theirs and theirs.currency,
        "at": ours.at if ours else theirs and theirs.at,
        "fix": fixes(finding),
    }


def _amount(theirs: Entry | None, currency: str | None) -> str | None:
    """The amount at the gateway, in its own currency, else in ours."""
    named = theirs and (theirs.currency or currency)
    return to_decimal(theirs.amount, named) if theirs and theirs.amount is not None and named else None
