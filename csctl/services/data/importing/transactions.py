"""Transactions from files, and what refunds and voids do to their sales."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.booking import Effect, effect
from csctl.domain.record_kinds import KINDS
from csctl.domain.states import SALES, Kind, OrderStatus, State
from csctl.errors import Conflict, Usage
from csctl.models import Order, PaymentMethod, Transaction
from csctl.services.data.importing import order_totals, parents, references, transaction_fields
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.charged import Charged
from csctl.services.data.importing.charges import Charges, kind_of
from csctl.services.data.importing.context import Context, RowOutcome, find, given, merge, referred
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownMethod, KnownOrder, KnownPurchase
from csctl.services.data.importing.totals import Totals
from csctl.services.data.importing.transaction_fields import Details, Facts
from csctl.services.outcomes import orders

_KIND = KINDS["transactions"]
_RANKS = {kind: rank for rank, kind in enumerate(Kind)}


class Transactions:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._new = Drafts(session, Transaction)
        self._found: dict[str, Transaction] = {}
        self._by_id: dict[int, Transaction] = {}
        self._orders: dict[str, KnownOrder] = {}
        self._orders_by_id: dict[int, KnownOrder] = {}
        self._purchases: dict[str, KnownPurchase] = {}
        self._methods: dict[str, KnownMethod] = {}
        self._touched: dict[int, KnownOrder] = {}
        self._returned: set[int] = set()
        self._voids: set[int] = set()  # the charges that have an approved void
        self._charges = Charges(session)
        self._charged = Charged(session)
        self._totals = Totals(session)
        self._cards: dict[str, list[KnownMethod]] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        def texts(*fields: str) -> list[str | None]:
            return [row.text(field) for row in rows for field in fields]

        mark = self._context.mark
        by_charge = bool(rows) and rows[0].by("order") == "charge"
        self._orders = references.orders(self._session, rows, "order", mark, by_charge=by_charge, lock=True)
        self._purchases = references.named(self._session, KnownPurchase, texts("purchase"), mark)
        if rows and rows[0].by("payment_method"):
            tokens = texts("payment_method")
            self._cards = references.by_other_key(self._session, KnownMethod, PaymentMethod.token, tokens)
        else:
            self._methods = references.named(self._session, KnownMethod, texts("payment_method"), mark)
        self._found = find(self._session, Transaction, "txn", texts("external_id", "parent"), mark, lock=True)
        charges = self._charges.load(rows, [order.id for order in self._orders.values()])
        self._by_id = {txn.id: txn for txn in (*self._found.values(), *charges)}
        own = {txn.order_id for txn in self._by_id.values()} - {order.id for order in self._orders.values()}
        self._orders_by_id = references.numbered(self._session, KnownOrder, own)
        self._orders_by_id |= {order.id: order for order in self._orders.values()}
        self._charged.load(texts("gateway_ref"))
        parents = {txn.parent_id for txn in self._found.values() if txn.parent_id} - self._by_id.keys()
        if parents:
            held = select(Transaction).where(Transaction.id.in_(parents)).order_by(Transaction.id)
            self._by_id |= {txn.id: txn for txn in self._session.scalars(held.with_for_update(key_share=True))}
        if any(kind_of(row) is Kind.VOID for row in rows):
            voids = select(Transaction.parent_id).where(
                Transaction.parent_id.in_(self._by_id),
                Transaction.kind == Kind.VOID,
                Transaction.state == State.APPROVED,
            )
            self._voids = {number for number in self._session.scalars(voids) if number}
        known = set(self._found)
        if any(kind_of(row) is Kind.REFUND for row in rows):
            self._totals.load(self._by_id)
        if rows and rows[0].is_total:
            self._totals.load_queued(self._by_id)
            known = set()
        self._new.number(len({row.text("external_id") for row in rows} - known))
        return sorted(rows, key=_rank)

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        existing = None if row.is_total else self._found.get(key)
        if existing is None:
            row.need(_KIND)
            if own := self._charged.own(row):
                return RowOutcome.UNCHANGED if row.word("state", State) is own else RowOutcome.DIFFERS
        order = referred(self._orders, row, "order", "order", "orders")
        if existing and order and order.id != existing.order_id:
            self._context.warnings.add("transactions are on record in another order, and stay there", key)
            order = None
        parent = self._parent(row, order, existing)
        order = order or self._orders_by_id[existing.order_id if existing else parent.order_id if parent else 0]
        facts = self._facts(row, order, existing, parent)
        details = self._details(row, order, existing, facts)
        if existing:
            return self._change(existing, facts, details)
        if not row.is_total or parent is None:
            if parent and (same := self._known(parent, key, facts, details)):
                return _name(same, details)
            return self._add(key, order, facts, details)
        if not (missing := self._totals.missing(parent, facts.amount)):
            return RowOutcome.UNCHANGED
        return self._add(self._totals.name(parent, key), order, replace(facts, amount=missing), details)

    def record(self, key: str) -> Any | None:
        return self._found.get(key)

    def finish(self) -> None:
        self._session.flush()
        self._new.store()
        order_totals.renew(self._session, self._touched)
        if not self._returned:
            return
        sales: dict[int, list[Transaction]] = {number: [] for number in self._returned}
        charges = select(Transaction).where(Transaction.order_id.in_(sales), Transaction.kind.in_(SALES))
        for sale in self._session.scalars(charges):
            sales[sale.order_id].append(sale)
        for order in self._session.scalars(select(Order).where(Order.id.in_(sales))):
            orders.note_if_all_returned(order, sales[order.id])

    # -- what a row says

    def _parent(self, row: Cells, order: KnownOrder | None, existing: Transaction | None) -> Transaction | None:
        """The charge that a row belongs to: the one it names, else the only one of its order."""
        if (text := row.text("parent")) is not None and row.by("parent"):
            return self._charges.with_reference(text, existing.parent_id if existing else None)
        if (named := referred(self._found, row, "parent", "transaction", "transactions")) or existing or not order:
            return named
        kind = kind_of(row)
        return self._charges.only_one(order.id, kind) if kind and not kind.charges_card else None

    def _facts(self, row: Cells, order: KnownOrder, existing: Transaction | None, parent: Transaction | None) -> Facts:
        kind = row.word("kind", Kind) or (existing.kind if existing else Kind.SALE)
        currency = row.currency() or order.currency
        if currency != order.currency:
            raise Usage(f"currency: the order is in {order.currency}, and this is in {currency}")
        amount = row.amount("amount", currency)
        amount = existing.amount if amount is None and existing else amount or 0
        if amount == 0 and kind is Kind.VOID and (whole := existing or parent):
            amount = whole.amount  # a void is for the whole, and some systems write nothing
        if amount == 0 and not kind.charges_card:
            raise Usage(f"amount: a {kind.value} of nothing makes no sense")
        state = row.word("state", State) or (existing.state if existing else State.APPROVED)
        if state.unanswered and "state" in row:
            raise Usage(
                f"state: what is {state.value} is still under way elsewhere",
                fix="approved, declined, failed, pending or unknown",
            )
        outside, reference = transaction_fields.outside(row, kind, state)
        return Facts(
            kind=kind,
            amount=amount,
            currency=currency,
            state=state,
            gateway=row.account() or (existing.gateway if existing else ""),
            parent_id=parent.id if parent else existing.parent_id if existing else None,
            outside=outside,
            outside_reference=reference,
        )

    def _details(self, row: Cells, order: KnownOrder, existing: Transaction | None, facts: Facts) -> Details:
        purchase = referred(self._purchases, row, "purchase", "purchase", "purchases")
        if purchase and purchase.order_id != order.id:
            if existing and row.by("order") == "charge":
                purchase = None  # another source made the charge, and did not know what it paid for
            else:
                raise Usage("purchase: it belongs to another order")
        method = self._card(row, existing)
        if method and method.customer_id != order.customer_id:
            raise Usage("payment_method: it is another customer's")
        created_at = row.time("created_at") or (existing.created_at if existing else self._context.now)
        settlement, settled_at = transaction_fields.settlement(row, facts, existing, created_at)
        marks = transaction_fields.marks(row, facts, existing, created_at)
        return Details(
            purchase_id=purchase.id if purchase else None,
            payment_method_id=method.id if method else None,
            gateway_ref=row.text("gateway_ref"),
            gateway_code=row.text("gateway_code"),
            gateway_request_id=row.text("gateway_request_id"),
            network_ref=row.text("network_ref"),
            created_at=row.time("created_at"),
            cycle=row.whole("cycle", 1, 100_000),
            settlement=settlement,
            settled_at=settled_at,
            voided_at=marks["voided"],
            disputed_at=marks["disputed"],
            duplicate_at=marks["duplicate"],
        )

    def _card(self, row: Cells, existing: Transaction | None) -> KnownMethod | None:
        text = row.text("payment_method")
        if text is not None and row.by("payment_method"):
            own = existing.payment_method_id if existing else None
            return references.only(self._cards, text, "payment_method", "payment method", "token", own=own)
        return referred(self._methods, row, "payment_method", "payment method", "payment-methods")

    def _known(self, sale: Transaction, key: str, facts: Facts, details: Details) -> Transaction | None:
        """The refund on the books that a new row means."""
        returns = facts.kind is Kind.REFUND and facts.effect != Effect()
        return self._totals.known(sale, key, facts, details) if returns else None

    # -- store it

    def _add(self, key: str, order: KnownOrder, facts: Facts, details: Details) -> RowOutcome:
        made = details.created_at = details.created_at or self._context.now
        details.finished_at = made if facts.state.closed else None
        parent = self._by_id.get(facts.parent_id or 0)
        parents.check_kind(facts.kind, parent, order.id, facts.gateway)
        self._charged.take(key, facts, details)
        if parent:
            parents.book(parent, facts.amount, Effect(), facts.effect, at=made, voids=self._voids)
            if facts.effect.voids:
                self._voids.add(parent.id)
        said = given(**vars(facts), **vars(details))
        record = self._new.add(external_id=key, order_id=order.id, sent_at=made, **said)
        self._found[key] = self._by_id[record.id] = record
        self._charges.add(record)
        self._totals.add(record)
        self._note(record, order)
        return RowOutcome.CREATED

    def _change(self, record: Transaction, facts: Facts, details: Details) -> RowOutcome:
        state, before, fixed = facts.state, record.state, facts.fixed()
        if record.key is not None:  # csctl made it, and keeps its books
            return RowOutcome.UNCHANGED if state is before else RowOutcome.DIFFERS
        same = all(getattr(record, name) == value for name, value in fixed.items())
        if self._context.update and same and state is not before:
            _refuse_to_go_back(record, state)
            if parent := self._by_id.get(record.parent_id or 0):
                old, new = (effect(record.kind, one, record.amount) for one in (before, state))
                parents.book(parent, record.amount, old, new, at=self._context.now, voids=self._voids)
        if state is not before and state.closed:
            details.finished_at = self._context.now
        details.gateway_ref = details.gateway_ref or record.gateway_ref
        recharged = self._context.update and (details.gateway_ref, state) != (record.gateway_ref, before)
        if recharged:
            self._charged.take(record.external_id or ids.show("txn", record.id), facts, details)
        outcome = merge(record, given(state=state, **vars(details)), self._context, fixed=fixed)
        if outcome is RowOutcome.UPDATED:
            if recharged:  # by this reference it is a charge of its own
                record.duplicate_at = details.duplicate_at
            self._note(record, self._orders_by_id[record.order_id])
        return outcome

    def _note(self, record: Transaction, order: KnownOrder) -> None:
        self._touched[order.id] = order
        if record.parent_id and record.state is State.APPROVED and order.status is OrderStatus.COMPLETE:
            self._returned.add(order.id)


def _name(refund: Transaction, details: Details) -> RowOutcome:
    """Keep the reference of a refund that was recognized: no other one is taken for it."""
    if not details.gateway_ref or refund.gateway_ref:
        return RowOutcome.UNCHANGED
    refund.gateway_ref = details.gateway_ref
    return RowOutcome.UPDATED


def _rank(row: Cells) -> int:
    """Charges before what belongs to them, whichever way the file is sorted."""
    return _RANKS[kind_of(row) or Kind.AUTHORIZE]


def _refuse_to_go_back(record: Transaction, state: State) -> None:
    if record.claim is not None:
        raise Conflict("state: it is being worked on just now", fix="run it again in a few minutes")
    if not record.state.undecided:
        raise Conflict(f"state: it is {record.state.value} for good, and cannot become {state.value}")
