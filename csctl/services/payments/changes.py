"""Apply the changes of an account, many operations with each call (`txn sync`).

A gateway that offers changes is read from where the last sync ended. The cursor moves in the transaction in which the
changes are applied, so that an interrupted sync continues where it was; a change that is read twice is applied once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl import interrupts
from csctl.domain.reasons import NOT_THERE
from csctl.domain.states import Kind, Outside, State
from csctl.errors import CsctlError, Misconfigured, Unreachable
from csctl.gateways.operations import Change, Found
from csctl.models import GatewayCursor, Transaction
from csctl.results import Result
from csctl.services.payments import attempts, learned, restored, returns, settlement
from csctl.services.payments.holding import hold
from csctl.services.payments.jobs import Needs, Turn

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.gateways.registry import Registry

_CHUNK = 200  # changes in one transaction
_SHORTEST_KEY = 20  # characters of csctl's keys that every gateway stores


@dataclass
class Pass:
    """The scope of one reading of an account's changes. `first`: there was no cursor yet."""

    account: str
    first: bool = True
    complete: bool = False
    seen: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)  # sales of which less was returned than was learned


def accounts(gateways: Registry) -> Iterator[str]:
    """The accounts that offer changes."""
    for name in list(gateways.usable()):
        if gateways[name].capabilities.changes:
            yield name


def take(app: App, covered: Pass) -> Iterator[Result]:
    """Apply the changes of an account since the last time. Yields a Result for each transaction that changed.

    An account that refuses its key, or is another one, is not used any more in this run.
    """
    try:
        app.gateways[covered.account].confirmed()
    except Misconfigured as error:
        app.gateways.refuse(covered.account, error)
        return
    except Unreachable as error:
        yield Result.refused(covered.account, error)
        return
    cursor = _cursor(app, covered.account)
    covered.first = cursor is None
    changes = app.gateways[covered.account].changes(cursor)
    while not interrupts.asked():
        try:
            read = list(islice(changes, _CHUNK))
            chunk = _lost_first(app, covered.account, read)
        except CsctlError as error:  # what was applied so far stays; the rest is read next time
            yield Result.refused(covered.account, error)
            return
        if not chunk:
            covered.complete = True
            return
        with app.write() as session:
            results = list(_apply(session, app, covered, chunk))
            _keep_cursor(session, app, covered.account, read[-1].cursor)
        yield from results


def _lost_first(app: App, account: str, chunk: list[Change]) -> list[Change]:
    """The changes with the sales of refunds that the books do not know, these first, then csctl's other refunds: what a
    refund accounts for is not learned again from the total of its sale.
    """
    refunds = [one for one in chunk if _is_lost(app, account, one)]
    with app.read() as session:
        known = _rows_of(session, account, refunds)
    lost = [one for one in refunds if not known.keys() & {one.reference, _of_key(one)}]
    rest = [one for one in chunk if one not in lost]
    rest.sort(key=lambda one: not (one.kind is Kind.REFUND and restored.is_key(one.key)))
    return [*restored.with_sales(app.gateways[account], lost), *rest]


def _is_lost(app: App, account: str, change: Change) -> bool:
    """Whether a refund is recorded by itself if the books do not know it. Where the gateway tells what was returned
    of a sale in all, those of csctl are: its database may have been restored from a backup.
    """
    totals = app.gateways[account].capabilities.tells_refunded_total
    return change.kind is Kind.REFUND and (not totals or restored.is_key(change.key))


def _apply(session: Session, app: App, covered: Pass, chunk: list[Change]) -> Iterator[Result]:
    known = _rows_of(session, covered.account, chunk)
    needs = Needs(transactions=set(known.values()))
    turn = Turn(session, needs, hold(session, [needs]))
    for change in chunk:
        number = known.get(change.reference) or known.get(_of_key(change))
        row = session.get(Transaction, number) if number else None
        if row is None:
            yield from _apply_unknown(turn, app, covered, known, change)
            continue
        covered.seen.add(row.id)
        if change.found is None:
            continue
        if _is_late(app, row, change.found):
            yield attempts.take_late(turn, app, row, change.found.answer)
            covered.doubtful |= {row.parent_id} if row.parent_id else set()
        elif result := _apply_known(turn, app, row, change.found):
            yield result
        if row.is_sale and learned.exceeds(turn, app, row, change.found):
            covered.doubtful.add(row.id)


def _is_late(app: App, row: Transaction, found: Found) -> bool:
    """Whether an attempt that the gateway did not have when it was asked was carried out after all."""
    closed = row.state is State.FAILED and row.reason in NOT_THERE and row.key is not None
    return closed and found.answer.state is State.APPROVED and not row.is_leased(app.clock.now())


def _apply_known(turn: Turn, app: App, row: Transaction, found: Found) -> Result | None:
    """Update one transaction. None if nothing changed."""
    if row.outside is Outside.GATEWAY and row.state is State.APPROVED and found.answer.state is State.FAILED:
        return learned.give_back(turn, app, row)
    if row.state is State.APPROVED and row.outside is None:
        if row.kind is Kind.REFUND and found.answer.state is State.FAILED:
            return returns.take_back(turn, app, row, found.answer)
        return settlement.take(turn, app, row, found)
    decided = found.answer.state.closed and row.state.undecided
    if decided and row.key and not row.is_leased(app.clock.now()):
        return attempts.record(turn, app, row.id, attempts.claim_for(app, row), found.answer)
    return None


def _apply_unknown(turn: Turn, app: App, covered: Pass, known: dict[str, int], change: Change) -> Iterator[Result]:
    """Record a refund that csctl did not make, of a sale in the books. One that was learned from the total of its sale
    gets its reference.
    """
    sale = turn.session.get(Transaction, known.get(change.sale_reference or "", 0))
    if sale is None or change.found is None or change.found.answer.state is not State.APPROVED:
        return
    if change.kind is not Kind.REFUND:
        return
    before, refund = settlement.standing(sale), replace(change.found.entry(change.kind), reference=change.reference)
    learned.take_refund(turn, app, sale, refund, only_named=not _is_lost(app, covered.account, change))
    if settlement.standing(sale) != before:
        yield settlement.result_of(sale, before)


def _rows_of(session: Session, account: str, chunk: list[Change]) -> dict[str, int]:
    """The transactions of a change, by the gateway's reference, or by csctl's key if the reference is unknown."""
    wanted = {change.reference for change in chunk} | {change.sale_reference for change in chunk}
    of_account = select(Transaction.gateway_ref, Transaction.id).where(
        Transaction.gateway == account, Transaction.kind != Kind.VOID, Transaction.duplicate_at.is_(None)
    )
    found: dict[str, int] = {}
    # An attempt is older than a record that was learned of it, and gave way to it.
    named = of_account.where(Transaction.gateway_ref.in_(wanted - {None})).order_by(Transaction.id)
    for reference, number in session.execute(named):
        found.setdefault(reference or "", number)
    for change in chunk:
        key = change.key or ""
        if change.reference in found or len(key) < _SHORTEST_KEY:
            continue
        # A range, which uses the index on the keys: some gateways store only the beginning of them.
        alike = select(Transaction.id).where(Transaction.key >= key, Transaction.key < key + "g")
        ours = session.scalar(alike.where(Transaction.gateway == account).limit(1))
        if ours is not None:
            found[_of_key(change)] = ours
    return found


def _of_key(change: Change) -> str:
    return f"key {change.key}"


def _cursor(app: App, account: str) -> str | None:
    with app.read() as session:
        kept = session.get(GatewayCursor, account)
        return kept.cursor if kept else None


def _keep_cursor(session: Session, app: App, account: str, cursor: str) -> None:
    kept = session.get(GatewayCursor, account)
    if kept is None:
        kept = GatewayCursor(account=account)
        session.add(kept)
    kept.cursor, kept.moved_at = cursor, app.clock.now()
