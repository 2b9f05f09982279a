"""Find products by the words of filters."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.text import accept
from csctl.errors import NotFound
from csctl.models import PricePoint, Product, ProductOption, Purchase


def purchases_of(session: Session, names: Sequence[str]) -> ColumnElement[bool]:
    """The condition for purchases of any of these products: named by SKU, id, or words of the name or of the
    description.

    Raises NotFound for a name that neither a product nor a purchase has: a misspelled one is not an empty list.
    """
    return or_(*(_of_one(session, accept(name, "--product")) for name in names))


def _of_one(session: Session, text: str) -> ColumnElement[bool]:
    named: list[ColumnElement[bool]] = [
        Product.sku == text,
        func.lower(Product.name).contains(text.lower(), autoescape=True),
    ]
    if text.startswith("prd_"):
        named.append(Product.id == ids.parse("prd", text).id)
    described = func.lower(Purchase.description).contains(text.lower(), autoescape=True)
    known = session.scalar(select(Product.id).where(or_(*named)).limit(1)) or session.scalar(
        select(Purchase.id).where(described).limit(1)
    )
    if known is None:
        raise NotFound(f"there is no product {text[:100]!r}", fix="csctl product list")
    points = select(PricePoint.id).join(PricePoint.option).join(ProductOption.product).where(or_(*named))
    return or_(described, Purchase.price_point_id.in_(points))
