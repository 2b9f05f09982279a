"""Add, remove, list and check blacklist entries. `matching.py` finds the customers that they match."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from csctl.domain import blacklist as rules
from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import NOT_OVER
from csctl.domain.text import accept
from csctl.errors import Conflict, CsctlError, Usage
from csctl.models import BlacklistEntry, Customer, Order, Purchase
from csctl.results import Limit, Page, Result, Row
from csctl.services.blacklist import matching as blacklist
from csctl.services.blacklist.files import Wanted
from csctl.services.customers.lookup import live
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.shared import audit, bulk, history, listing, operator_names

if TYPE_CHECKING:
    from csctl.app import App


def add(
    app: App,
    wanted: Sequence[Wanted],
    *,
    cancel_purchases: bool = False,
    dry_run: bool = False,
    fail_fast: bool = False,
) -> Iterator[Result]:
    """Blacklist values; of a customer, all details. Existing entries are skipped.

    With `cancel_purchases`, the purchases of the named customers are cancelled too. Raises Usage if none is named.
    """
    named = [one for one in wanted if one.kind == "customer" and one.problem is None]
    if cancel_purchases and not named:
        raise Usage("there is no customer whose purchases to cancel", fix="name one: --customer CUS")

    def change(session: Session, one: Wanted) -> Result:
        return _add(session, app, one)

    for result in bulk.each(app, _with_all_known(app, wanted), change, dry_run=dry_run):
        yield replace(result, id="new") if dry_run and result.outcome == Outcome.CREATED else result
        if fail_fast and not result.ok:
            return
    if cancel_purchases:
        yield from _cancel_purchases(app, named, dry_run=dry_run, fail_fast=fail_fast)


def _with_all_known(app: App, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
    """The values to add, each customer followed by their details; each value once."""
    seen: set[tuple[str, str]] = set()
    for one in wanted:
        known: list[Wanted] = []
        if one.kind == "customer" and one.problem is None:
            with app.read() as session:
                known = list(_known(session, app, one))
        for each in (one, *known):
            if (each.kind, each.value) not in seen:
                seen.add((each.kind, each.value))
                yield each


def _known(session: Session, app: App, one: Wanted) -> Iterator[Wanted]:
    """The details of a customer that identify them."""
    try:
        number = ids.parse("cus", one.value).id
    except Usage:
        return  # `_add` reports it
    customer = session.get(Customer, number)
    if customer is None or customer.merged_into_id or customer.erased_at:
        return
    for kind, value in rules.values_of(blacklist.facts(session, [customer], app.shop.country)[0]):
        try:
            rules.entry_key(kind, value, app.shop.country)
        except Usage:
            continue
        yield Wanted(kind, value, one.reason)


def _add(session: Session, app: App, one: Wanted) -> Result:
    if one.problem is not None:
        raise one.problem
    value = one.value if one.kind == "card" else accept(one.value, one.kind)  # the rule for cards has a better message
    key = rules.entry_key(one.kind, value, app.shop.country)
    reason = _reason(one.reason)
    about = {"kind": one.kind, "value": rules.shown(one.kind, value, app.shop.country)}
    same = select(BlacklistEntry.id).where(BlacklistEntry.kind == one.kind, BlacklistEntry.match_key == key)
    if (there := session.scalar(same)) is not None:
        return Result(ids.show("bli", there), Outcome.SKIPPED, "it is on the blacklist already", extra=about)
    if one.kind == "customer":
        live(session, int(key))
    entry = BlacklistEntry(**about, match_key=key, reason=reason, created_at=app.clock.now(), created_by=app.actor.id)
    session.add(entry)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("another user has just added it to the blacklist", fix="csctl blacklist list") from None
    name = ids.show("bli", entry.id)
    if one.kind == "customer":
        history.event(session, app, int(key), f"blacklisted ({name})", reason=reason)
    audit.write(session, app, Outcome.CREATED, target=name, kind=one.kind)
    return Result(name, Outcome.CREATED, f"blacklisted {one.kind}", extra=about)


def _reason(text: str) -> str:
    reason = accept(text, "reason")
    if not reason:
        raise Usage("a blacklisting needs a reason", fix="--reason 'chargebacks'")
    return reason


def _cancel_purchases(app: App, named: Iterable[Wanted], *, dry_run: bool, fail_fast: bool) -> Iterator[Result]:
    numbers = {ids.parse("cus", one.value).id: one.reason for one in named if _is_id(one.value)}
    with app.read() as session:
        theirs = session.execute(
            select(Purchase.id, Order.customer_id)
            .join(Order)
            .where(
                Order.customer_id.in_(numbers),
                Purchase.status.in_(NOT_OVER),
            )
            .order_by(Purchase.id)
        ).all()
    reasons = {purchase: numbers[customer] for purchase, customer in theirs}

    def cancel(session: Session, ref: Ref) -> Result:
        order_id = session.scalar(select(Purchase.order_id).where(Purchase.id == ref.id))
        bulk.locked(session, Order, "ord", order_id or 0)
        purchase = bulk.locked(session, Purchase, "pur", ref.id)
        if not cancelling.cancel_purchase(session, app, purchase, f"blacklisted: {_reason(reasons[ref.id])}"):
            return Result(ref.given, Outcome.SKIPPED, "it is over already")
        return Result(ref.given, Outcome.CANCELLED, "its customer is blacklisted")

    refs = [Ref(ids.show("pur", number), number) for number in reasons]
    yield from bulk.each(app, refs, cancel, dry_run=dry_run, fail_fast=fail_fast)


def _is_id(text: str) -> bool:
    try:
        ids.parse("cus", text)
    except CsctlError:
        return False
    return True


def remove(
    app: App, refs: Iterable[Ref], reason: str | None, *, dry_run: bool, fail_fast: bool = False
) -> Iterator[Result]:
    """Remove entries. The audit log has their kind and id, never their value."""
    why, given = accept(reason, "reason") if reason else None, list(refs)
    leaving = {ref.id for ref in given}

    def change(session: Session, ref: Ref) -> Result:
        entry = bulk.locked(session, BlacklistEntry, "bli", ref.id)
        name = ids.show("bli", entry.id)
        if entry.kind == "customer":
            history.event(session, app, int(entry.match_key), f"taken off the blacklist ({name})")
        audit.write(session, app, Outcome.REMOVED, target=name, kind=entry.kind, reason=why)
        session.delete(entry)
        words = f"{entry.kind} taken off the blacklist"
        if entry.kind == "customer" and (others := _still(session, app, int(entry.match_key), leaving)):
            words += f", and still matched by {', '.join(others)}"
        return Result(ref.given, Outcome.REMOVED, words, extra=_about(entry))

    yield from bulk.each(app, given, change, dry_run=dry_run, fail_fast=fail_fast)


def _still(session: Session, app: App, customer_id: int, leaving: Collection[int]) -> list[str]:
    """The other entries that block a customer: their email, phone and address have entries of their own."""
    session.flush()
    customer = session.get(Customer, customer_id)
    found = blacklist.matches(session, [customer], app.shop.country) if customer else {}
    return [ids.show("bli", one.id) for one in found.get(customer_id, ()) if one.id not in leaving]


def _about(entry: BlacklistEntry) -> Row:
    return {"kind": entry.kind, "value": entry.value}


def find(
    app: App, limit: Limit, *, kind: str | None = None, value: str | None = None, reason: str | None = None,
    customer_id: int | None = None, since: str | None = None, until: str | None = None,
) -> Page:  # fmt: skip
    """Entries, newest first: of a kind, with a text in their value or reason, or those that match a customer."""
    statement = select(BlacklistEntry).where(*listing.between(app.clock, BlacklistEntry.created_at, since, until))
    if kind is not None:
        statement = statement.where(BlacklistEntry.kind == kind)
    if value is not None:
        statement = statement.where(BlacklistEntry.value.icontains(value, autoescape=True))
    if reason is not None:
        statement = statement.where(BlacklistEntry.reason.icontains(reason, autoescape=True))
    if customer_id is not None:
        statement = statement.where(BlacklistEntry.id.in_([entry.id for entry in _meaning(app, customer_id)]))
    return listing.newest_first(app, statement, BlacklistEntry.created_at, BlacklistEntry.id, rows, limit)


def _meaning(app: App, customer_id: int) -> list[BlacklistEntry]:
    with app.read() as session:
        customer = listing.existing(session, Customer, "cus", customer_id)
        return blacklist.matches(session, [customer], app.shop.country).get(customer_id, [])


def rows(session: Session, entries: Sequence[BlacklistEntry]) -> list[Row]:
    names = operator_names.names(session)
    return [
        {
            "id": ids.show("bli", entry.id),
            **_about(entry),
            "reason": entry.reason,
            "created_at": entry.created_at,
            "created_by": names.get(entry.created_by) if entry.created_by else None,
        }
        for entry in entries
    ]


def check(app: App, asked: Sequence[tuple[str, str]]) -> Row:
    """Whether any of these values (kind and value) is blacklisted, by which entries, and why they match.

    A customer is checked with all details. Raises Usage without a value or for an invalid one, NotFound for an unknown
    customer.
    """
    if not asked:
        raise Usage("nothing to look for", fix="csctl blacklist check --email jane@example.com")
    with app.read() as session:
        entries = {entry.id: entry for kind, value in asked for entry in _matching(session, app, kind, value)}
        matches = [
            {**row, "because": rules.because(entry.kind, entry.match_key)}
            for row, entry in zip(rows(session, list(entries.values())), entries.values(), strict=True)
        ]
    return {"blacklisted": bool(matches), "matches": matches}


def _matching(session: Session, app: App, kind: str, value: str) -> Iterator[BlacklistEntry]:
    if kind == "customer":
        customer = listing.existing(session, Customer, "cus", ids.parse("cus", value).id)
        yield from blacklist.matches(session, [customer], app.shop.country).get(customer.id, [])
        return
    keys = rules.asked_keys(kind, value, app.shop.country)
    is_network = (BlacklistEntry.kind == "ip") & BlacklistEntry.match_key.contains("/")
    possible = select(BlacklistEntry).where(
        BlacklistEntry.kind == kind, BlacklistEntry.match_key.in_(keys) | is_network
    )
    for entry in session.scalars(possible.order_by(BlacklistEntry.id)):
        if entry.match_key in keys or rules.covers(entry.match_key, next(iter(keys))):
            yield entry
