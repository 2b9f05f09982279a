"""Products from files: a row for each price point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import intervals
from csctl.domain.record_kinds import KINDS
from csctl.errors import Conflict, Usage
from csctl.models import PricePoint, Product, ProductOption
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Context, RowOutcome, after, given, merge

_KIND = KINDS["products"]
_ONLY_OPTION = "default"


@dataclass
class _Terms:
    """What a row says of a price. What is None it does not give."""

    currency: str
    amount: int | None
    interval: str | None
    trial_days: int | None
    trial_amount: int | None
    final_cycle: int | None


class Products:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._products: dict[str, Product] = {}
        self._options: dict[tuple[str, str], ProductOption] = {}
        self._prices: dict[str, PricePoint] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        codes = {row.text("price") for row in rows}
        held = select(PricePoint).where(PricePoint.code.in_(codes)).order_by(PricePoint.id).with_for_update()
        self._prices = {price.code: price for price in self._session.scalars(held)}
        option_ids = {price.option_id for price in self._prices.values()}
        owners = select(ProductOption.product_id).where(ProductOption.id.in_(option_ids))
        skus = {row.text("sku") for row in rows}
        products = select(Product).where(Product.sku.in_(skus) | Product.id.in_(owners))
        self._products = {product.sku: product for product in self._session.scalars(products)}
        by_id = {product.id: product for product in self._products.values()}
        options = select(ProductOption).where(ProductOption.product_id.in_(by_id))
        for option in self._session.scalars(options):
            self._options[by_id[option.product_id].sku, option.code] = option
        return rows

    def put(self, row: Cells) -> RowOutcome:
        code = row.text("price") or ""
        price = self._prices.get(code)
        if price is None:
            row.need(_KIND)
        sku = row.text("sku") or (price.option.product.sku if price else "")
        option_code = row.text("option") or (price.option.code if price else _ONLY_OPTION)
        if price and (price.option.product.sku, price.option.code) != (sku, option_code):
            raise Conflict(
                f"price: {code} is a price of {price.option.product.sku}, option {price.option.code}",
                fix="give the new price a code of its own",
            )
        values = given(**vars(_terms(row, price)))
        outcomes = [self._put_product(row, sku), self._put_option(row, sku, option_code)]
        if price is None:
            option = self._options[sku, option_code]
            self._prices[code] = PricePoint(code=code, option=option, created_at=self._context.now, **values)
            self._session.add(self._prices[code])
            return RowOutcome.CREATED
        outcomes.append(merge(price, values, self._context))
        return next((one for one in (RowOutcome.UPDATED, RowOutcome.DIFFERS) if one in outcomes), RowOutcome.UNCHANGED)

    def record(self, key: str) -> Any | None:
        return self._prices.get(key)

    def finish(self) -> None:
        """Nothing follows."""

    def _put_product(self, row: Cells, sku: str) -> RowOutcome:
        if product := self._products.get(sku):
            return merge(product, given(name=row.text("name")), self._context)
        product = Product(sku=sku, name=row.text("name") or sku, created_at=self._context.now)
        self._products[sku] = product
        self._session.add(product)
        return RowOutcome.CREATED

    def _put_option(self, row: Cells, sku: str, code: str) -> RowOutcome:
        values = given(name=row.text("option_name"))
        if option := self._options.get((sku, code)):
            return merge(option, values, self._context)
        self._options[sku, code] = ProductOption(
            code=code, product=self._products[sku], created_at=self._context.now, **values
        )
        self._session.add(self._options[sku, code])
        return RowOutcome.CREATED


def _terms(row: Cells, price: PricePoint | None) -> _Terms:
    """The terms of a price. Raises Usage if, with what is on record of it, they contradict each other."""
    currency = row.currency() or (price.currency if price else "")
    if price and currency != price.currency:
        raise Conflict(
            f"currency: the price {price.code} is in {price.currency}", fix="give the new price a code of its own"
        )
    terms = _Terms(
        currency=currency,
        amount=row.amount("amount", currency),
        interval=row.read("interval", lambda text: str(intervals.parse(text))),
        trial_days=row.whole("trial_days", 0, 3650),
        trial_amount=row.amount("trial_amount", currency),
        final_cycle=row.whole("final_cycle", 2, 10_000),
    )
    _check(after(terms, price))
    return terms


def _check(terms: _Terms) -> None:
    if (terms.trial_days or terms.trial_amount) and not terms.interval:
        raise Usage("trial_days: what is bought once has no trial", fix="give the price an interval, such as month")
    if terms.trial_amount and not terms.trial_days:
        raise Usage("trial_days is missing or 0", cause="there is a trial_amount, and a trial needs at least one day")
    if terms.final_cycle and not terms.interval:
        raise Usage("final_cycle: what is bought once has none", fix="give the price an interval, such as month")
