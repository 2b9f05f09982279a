"""The catalog: products, their options, and the price points of those. What was sold is never changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from csctl.domain import ids, intervals
from csctl.domain.money import Money, exponent, to_decimal, to_minor
from csctl.domain.outcomes import Outcome
from csctl.domain.text import accept
from csctl.errors import Conflict, NotFound, Usage
from csctl.models import PricePoint, Product, ProductOption
from csctl.results import Limit, Page, Result, Row
from csctl.services.shared import audit, bulk
from csctl.services.shared import listing as listings

if TYPE_CHECKING:
    from csctl.app import App

DEFAULT = "default"  # the one option of a product without variants
_LONGEST_TRIAL = 3650  # days
_MOST_CYCLES = 10_000
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class Price:
    """A requested price point. Amounts are decimal strings; without an interval it is a single purchase."""

    code: str
    amount: str
    currency: str
    option: str | None = None
    interval: str | None = None
    trial_days: int | None = None
    trial_amount: str | None = None
    final_cycle: int | None = None


@dataclass(frozen=True)
class _Terms:
    """The columns of a price point, with amounts in minor units. As text: in words."""

    amount: int
    currency: str
    interval: str | None
    trial_days: int | None
    trial_amount: int | None
    final_cycle: int | None

    def __str__(self) -> str:
        said = f"{Money(self.amount, self.currency)}{f' every {self.interval}' if self.interval else ' once'}"
        if self.trial_days is not None and self.trial_amount is not None:
            said += f", after {self.trial_days} days for {Money(self.trial_amount, self.currency)}"
        return f"{said}, until cycle {self.final_cycle}" if self.final_cycle else said


# -- read


def listing(app: App, limit: Limit) -> Page:
    """Products, newest first."""
    return listings.newest_first(app, select(Product).options(_WHOLE), Product.created_at, Product.id, _rows, limit)


_WHOLE = selectinload(Product.options).selectinload(ProductOption.prices)


def _rows(_session: Session, products: list[Product]) -> list[Row]:
    return [row(product) for product in products]


def row(product: Product) -> Row:
    return {
        "id": ids.show("prd", product.id),
        "sku": product.sku,
        "name": product.name,
        "options": [option.code for option in product.options],
        "price_points": [point.code for option in product.options for point in option.prices],
        "created_at": product.created_at,
        "retired_at": product.retired_at,
    }


def show(app: App, named: str) -> Row:
    """A product, named by its SKU or id, with its options and their price points. Raises NotFound."""
    with app.read() as session:
        product = find(session, named)
        return {**row(product), "options": [_option_row(option) for option in product.options]}


def _option_row(option: ProductOption) -> Row:
    return {
        "code": option.code,
        "name": option.name,
        "price_points": [
            {
                "code": point.code,
                "amount": to_decimal(point.amount, point.currency),
                "currency": point.currency,
                "interval": point.interval,
                "trial_days": point.trial_days,
                "trial_amount": None if point.trial_amount is None else to_decimal(point.trial_amount, point.currency),
                "final_cycle": point.final_cycle,
            }
            for point in option.prices
        ],
    }


def find(session: Session, named: str) -> Product:
    """The product with this SKU, or else with this id. Raises NotFound."""
    word = named.strip()
    product = session.scalar(select(Product).where(Product.sku == word))
    if product is None and re.fullmatch(r"(prd_)?[0-9]{1,18}", word, re.ASCII):
        product = session.get(Product, ids.parse("prd", word).id)
    if product is None:
        raise NotFound(f"there is no product {word[:100]!r}", fix="csctl product list --all")
    return product


# -- change


def edit(app: App, product: str, name: str, *, dry_run: bool) -> Iterator[Result]:
    """Rename a product. Raises Usage for an empty name."""
    if not (name := accept(name, "name")):
        raise Usage("a product needs a name", fix='--name "Green tea"')

    def change(session: Session, found: Product) -> Result:
        before, extra = found.name, {"sku": found.sku}
        if before == name:
            return Result(product, Outcome.SKIPPED, "no change", extra=extra)
        found.name = name
        audit.write(session, app, Outcome.UPDATED, target=ids.show("prd", found.id), before=before, after=name)
        return Result(product, Outcome.UPDATED, f"{before} -> {name}", extra=extra)

    return _each(app, product, change, dry_run=dry_run)


def retire(app: App, products: Sequence[str], *, revert: bool, dry_run: bool, fail_fast: bool) -> Iterator[Result]:
    """Stop selling products or, with `revert`, sell them again. Their subscriptions continue."""

    def change(session: Session, named: bulk.Word) -> Result:
        found = bulk.locked(session, Product, "prd", find(session, named.given).id)
        extra = {"sku": found.sku}
        if (found.retired_at is None) is revert:
            since = f"retired since {app.clock.day_of(found.retired_at)}" if found.retired_at else "on sale"
            return Result(named.given, Outcome.SKIPPED, f"no change: {since}", extra=extra)
        found.retired_at = None if revert else app.clock.now()
        audit.write(session, app, Outcome.UPDATED, target=ids.show("prd", found.id), retired=not revert)
        return Result(named.given, Outcome.UPDATED, "on sale again" if revert else "retired", extra=extra)

    named = [bulk.Word(word) for word in dict.fromkeys(products)]
    return bulk.each(app, named, change, dry_run=dry_run, fail_fast=fail_fast)


# -- add


def create(app: App, sku: str, name: str, *, dry_run: bool) -> Iterator[Result]:
    """Create a product, without options yet. Raises Usage for an invalid SKU or name."""
    sku, name = _code(sku, "SKU"), accept(name, "name")
    if not name:
        raise Usage("a product needs a name", fix=f'csctl product create {sku} --name "Green tea"')

    def add(session: Session, _named: bulk.Word) -> Result:
        product = Product(sku=sku, name=name, created_at=app.clock.now())
        session.add(product)
        _keep(session, Conflict(f"there is a product {sku} already", fix=f"csctl product show {sku}"))
        number = ids.show("prd", product.id)
        audit.write(session, app, Outcome.CREATED, target=number, sku=sku, name=name)
        return Result("new" if dry_run else number, Outcome.CREATED, f"{sku}: {name}", extra={"sku": sku})

    return bulk.each(app, [bulk.Word("new")], add, dry_run=dry_run)


def add_option(app: App, product: str, code: str, name: str | None, *, dry_run: bool) -> Iterator[Result]:
    """Add an option to a product. Raises Usage for an invalid code or name."""
    code, name = _code(code, "option"), accept(name, "name") if name else None

    def add(session: Session, found: Product) -> Result:
        if any(option.code.lower() == code.lower() for option in found.options):
            raise Conflict(f"{found.sku} has an option {code} already", fix=f"csctl product show {found.sku}")
        found.options.append(ProductOption(code=code, name=name, created_at=app.clock.now()))
        audit.write(session, app, Outcome.CREATED, target=ids.show("prd", found.id), option=code)
        return Result(product, Outcome.CREATED, f"{found.sku}, {code}", extra={"option": code})

    return _each(app, product, add, dry_run=dry_run)


def add_price(app: App, product: str, price: Price, *, dry_run: bool) -> Iterator[Result]:
    """Add a price to an option; if none is named, to the only one. Raises Usage for an invalid price."""
    code, terms = _code(price.code, "price point"), _terms(price)

    def add(session: Session, found: Product) -> Result:
        option = _option(found, price.option, app)
        option.prices.append(PricePoint(code=code, created_at=app.clock.now(), **asdict(terms)))
        _keep(
            session,
            Conflict(f"there is a price point {code} already", cause="codes are unique over all products"),
        )
        audit.write(session, app, Outcome.CREATED, target=ids.show("prd", found.id), price_point=code, terms=str(terms))
        return Result(
            product,
            Outcome.CREATED,
            f"{found.sku}, {option.code}: {terms}",
            extra={"option": option.code, "price_point": code},
        )

    return _each(app, product, add, dry_run=dry_run)


def _each(app: App, given: str, add: Callable[[Session, Product], Result], *, dry_run: bool) -> Iterator[Result]:
    def change(session: Session, named: bulk.Word) -> Result:
        return add(session, bulk.locked(session, Product, "prd", find(session, named.given).id))

    return bulk.each(app, [bulk.Word(given)], change, dry_run=dry_run)


def _keep(session: Session, taken: Conflict) -> None:
    """Insert the record. The unique constraint decides whether its code is free, also with concurrent inserts."""
    try:
        session.flush()
    except IntegrityError:
        raise taken from None


def _option(product: Product, code: str | None, app: App) -> ProductOption:
    """The option of a price. A product without any gets the one for products without variants."""
    named = [option for option in product.options if code is None or option.code.lower() == code.lower()]
    if len(named) == 1:
        return named[0]
    codes = ", ".join(option.code for option in product.options)
    if named:
        raise Usage(f"{product.sku} has several options", fix=f"--option with one of: {codes}")
    if code is not None and code != DEFAULT:
        raise NotFound(
            f"{product.sku} has no option {code!r}",
            cause=f"its options: {codes or 'none yet'}",
            fix=f"csctl product option add {product.sku} {code[:100]}",
        )
    option = ProductOption(code=DEFAULT, created_at=app.clock.now())
    product.options.append(option)
    return option


def _terms(price: Price) -> _Terms:
    """The terms of a price point. Raises Usage for invalid ones."""
    currency = price.currency.strip().upper()
    exponent(currency)
    interval = str(intervals.parse(price.interval)) if price.interval else None
    if interval is None and (price.trial_days is not None or price.trial_amount is not None):
        raise Usage("what is bought once has no trial", fix="give the price an --interval, such as month")
    if price.trial_amount is not None and price.trial_days is None:
        raise Usage("--trial-amount needs --trial-days", fix="say how long the trial is")
    if price.trial_days is not None and not 1 <= price.trial_days <= _LONGEST_TRIAL:
        raise Usage(f"invalid number of trial days: {price.trial_days}", fix=f"1 to {_LONGEST_TRIAL}")
    require_final_cycle(price.final_cycle, interval)
    trial_amount = "0" if price.trial_amount is None and price.trial_days is not None else price.trial_amount
    return _Terms(
        amount=_amount(price.amount, currency),
        currency=currency,
        interval=interval,
        trial_days=price.trial_days,
        trial_amount=None if trial_amount is None else _amount(trial_amount, currency),
        final_cycle=price.final_cycle,
    )


def require_final_cycle(cycle: int | None, interval: str | None) -> None:
    """Raises Usage for a final cycle of a single purchase, or one before the first billing after the checkout."""
    if cycle is None:
        return
    if interval is None:
        raise Usage("what is bought once has no final cycle", fix="give the price an --interval, such as month")
    if not 2 <= cycle <= _MOST_CYCLES:
        raise Usage(
            f"invalid final cycle {cycle}",
            cause="the checkout is cycle 1, and the next billing cycle 2",
            fix=f"2 to {_MOST_CYCLES}",
        )


def _amount(text: str, currency: str) -> int:
    amount = to_minor(text, currency)
    if amount < 0:
        raise Usage(f"invalid price {text}", fix="give an amount such as 19.99")
    return amount


def _code(text: str, what: str) -> str:
    """A valid code, which people can type on command lines. Raises Usage."""
    code = text.strip()
    if not _CODE.fullmatch(code):
        raise Usage(f"{code[:40]!r} is not a valid {what} code", fix="use letters, digits, and . _ - inside: green-tea")
    return accept(code, f"{what} code")
