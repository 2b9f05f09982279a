"""Create an order: one checkout, charged in one sale (domain rules, section 5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids, intervals
from csctl.domain import purchases as rules
from csctl.domain.addresses import Address
from csctl.domain.customer_fields import kept
from csctl.domain.money import Money, to_minor
from csctl.domain.outcomes import Outcome
from csctl.domain.states import Occasion, OrderStatus
from csctl.errors import Conflict, GatewayRefused, Misconfigured, NotFound, Unreachable, Usage
from csctl.models import Customer, Order, PaymentMethod, PricePoint, Purchase, Transaction
from csctl.results import Result
from csctl.services.blacklist import matching as blacklist
from csctl.services.customers import envelopes
from csctl.services.customers import lookup as customers
from csctl.services.outcomes import checkout as checkout_rules
from csctl.services.payments import attempts, cards, opening
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App

_QUANTITY = re.compile(r"(?P<code>.+?):(?P<quantity>\d{1,6})(?:@(?P<price>[^@]+))?", re.ASCII)


@dataclass(frozen=True)
class Wish:
    """The requested order: `items` as they were written (`PRICE[:QTY[@UNIT_PRICE]]`), `shipping`
    fields of an address.
    """

    customer_id: int
    items: Sequence[str]
    payment_method_id: int | None = None
    shipping: Mapping[str, str] = field(default_factory=dict)
    email: bool = True


@dataclass(frozen=True)
class _Line:
    """One parsed item. Amounts in minor units; `due` is the amount of the checkout."""

    point: PricePoint
    quantity: int
    unit_price: int

    @property
    def in_trial(self) -> bool:
        return bool(self.point.trial_days)

    @property
    def due(self) -> int:
        return self.quantity * ((self.point.trial_amount or 0) if self.in_trial else self.unit_price)


def create(app: App, wish: Wish, *, dry_run: bool) -> Iterator[Result]:
    """Place an order and charge the amount that is due now; one Result, with the order's id.

    A declined order is stored as such. Refused before anything is written: a blacklisted customer (NotPermitted), no
    card, an unknown price point, prices of several currencies, an invalid quantity or price.
    """
    given = ids.show("cus", wish.customer_id)
    job = Job(given, Needs(), lambda turn: _create(turn, app, wish))
    for result in drive(app, [job], dry_run=dry_run):
        made = result.id if "order_id" in result.extra else None
        name = made if not dry_run else "new" if made else None  # the id of a dry run was rolled back
        yield replace(result, id=name or given, extra={"order_id": None if dry_run else made})


def _create(turn: Turn, app: App, wish: Wish) -> Work:
    session = turn.session
    customer = customers.live(session, wish.customer_id)
    shipping = _shipping(customer, wish.shipping)
    entries = blacklist.of_customer(session, customer, [shipping], app.shop.country)
    if refusal := blacklist.refusal(customer, entries):
        raise refusal
    lines = [_line(session, text) for text in wish.items]
    envelopes.warn(app, "the order", shipping)
    currency = _one_currency(lines)
    total = rules.require_price(Money(sum(line.due for line in lines), currency)).amount
    method = None
    if total or wish.payment_method_id or any(line.point.interval for line in lines):
        method = cards.chosen(session, customer, wish.payment_method_id)
        _ = app.gateways[method.gateway]
    order = _place(session, app, customer, lines, Money(total, currency), shipping, wish.payment_method_id)
    name, money = ids.show("ord", order.id), Money(total, currency)
    if total == 0 or method is None:
        checkout_rules.confirm(session, app, order, email=wish.email)
        yield Result(name, Outcome.CREATED, "nothing was due", money=money, extra={"order_id": name})
        return
    sale = open_sale(turn, app, order, method, email=wish.email)
    result = yield from attempts.exchange(turn, app, sale)
    if isinstance(wrong := result.error, Misconfigured):  # the order is kept, and nothing was sent
        again = f"{wrong.fix or 'correct the account'}, then csctl order rerun {name}"
        result = replace(result, error=Misconfigured(wrong.message, cause=wrong.cause, fix=again))
    elif isinstance(no := result.error, GatewayRefused | Unreachable):  # a second order would not replace the first
        other = " --payment-method PM" if isinstance(no, GatewayRefused) else ""
        result = replace(result, error=type(no)(no.message, cause=no.cause, fix=f"csctl order rerun {name}{other}"))
    outcome = Outcome.CREATED if result.outcome == Outcome.BILLED else result.outcome
    yield replace(result, id=name, outcome=outcome, extra={"order_id": name})


# -- the items


def _line(session: Session, text: str) -> _Line:
    """Parse an item: the code of a price point, optionally with a quantity and a unit price."""
    code = text.strip()
    match = _QUANTITY.fullmatch(code)
    if (point := _point(session, code)) or match is None:  # a code may look like one with a quantity
        point = _known(point, code)
        return _Line(point, 1, point.amount)
    point = _known(_point(session, match["code"]), match["code"])
    if not (quantity := int(match["quantity"])):
        raise Usage(f"{text[:60]!r} orders nothing", fix="give a quantity of one or more")
    price = point.amount if match["price"] is None else to_minor(match["price"], point.currency)
    rules.priced(quantity, price, point.currency)
    return _Line(point, quantity, price)


def _point(session: Session, code: str) -> PricePoint | None:
    return session.scalars(select(PricePoint).where(PricePoint.code == code)).one_or_none()


def _known(point: PricePoint | None, code: str) -> PricePoint:
    if point is None:
        raise NotFound(
            f"there is no price point {code[:60]!r}",
            cause="an item is PRICE, PRICE:QTY or PRICE:QTY@UNIT_PRICE",
            fix="csctl product list",
        )
    product = point.option.product
    if product.retired_at:
        raise Conflict(
            f"{product.sku} is retired",
            cause="it is not sold any more",
            fix=f"csctl product retire {product.sku} --revert",
        )
    return point


def _one_currency(lines: Sequence[_Line]) -> str:
    currencies = sorted({line.point.currency for line in lines})
    if len(currencies) > 1:
        raise Conflict(
            f"prices in {' and '.join(currencies)}", cause="an order has one currency", fix="make an order for each"
        )
    return currencies[0]


def _shipping(customer: Customer, given: Mapping[str, str]) -> Address:
    """The customer's address, or another one: a first line replaces all of it, else the given fields are changed."""
    own = customer.shipping or customer.billing or Address()
    if not given:
        return own
    values = {name: kept(f"shipping_{name}", text, None) for name, text in given.items()}
    return replace(Address() if values.get("line1") else own, **values)


# -- the records


def _place(
    session: Session,
    app: App,
    customer: Customer,
    lines: Sequence[_Line],
    total: Money,
    shipping: Address,
    payment_method_id: int | None,
) -> Order:
    """Insert the order, pending, with its purchases; they are not billed before it is complete."""
    now = app.clock.now()
    order = Order(
        customer_id=customer.id,
        status=OrderStatus.PENDING,
        currency=total.currency,
        total=total.amount,
        billing=customer.billing or Address(),
        shipping=shipping,
        placed_at=now,
        created_by=app.actor.id,
    )
    for line in lines:
        order.purchases.append(_purchase(app, line, payment_method_id))
    session.add(order)
    session.flush()
    name = ids.show("ord", order.id)
    history.event(session, app, customer.id, f"created {name}, {total} due now", order_id=order.id)
    audit.write(session, app, Outcome.CREATED, target=name, amount=str(total), purchases=len(lines))
    return order


def _purchase(app: App, line: _Line, payment_method_id: int | None) -> Purchase:
    purchase = Purchase(
        price_point_id=line.point.id,
        payment_method_id=payment_method_id,
        quantity=line.quantity,
        unit_price=line.unit_price,
        price=line.quantity * line.unit_price,
        checkout_amount=line.due,
        currency=line.point.currency,
        interval=line.point.interval,
        cycle=1,
        final_cycle=line.point.final_cycle,
        created_at=app.clock.now(),
    )
    today = app.clock.today()
    if line.in_trial:
        purchase.trial_ends_on = rules.trial_end(today, line.point.trial_days or 0)
    if purchase.interval and intervals.parse(purchase.interval).monthly:
        purchase.billing_day = (purchase.trial_ends_on or today).day
    checkout_rules.begin(purchase, today)
    return purchase


def open_sale(turn: Turn, app: App, order: Order, method: PaymentMethod, *, email: bool) -> Transaction:
    """Open the one sale of the checkout; it names its purchase if there is only one."""
    only = order.purchases[0].id if len(order.purchases) == 1 else None
    return opening.open_sale(
        turn,
        app,
        order,
        method,
        order.total,
        Occasion.CHECKOUT,
        purchase_id=only,
        cycle=1 if only else None,
        send_email=email,
    )
