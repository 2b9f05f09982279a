"""Words that a shell completes: codes of the catalog, and names of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from csctl.domain import ids, permissions
from csctl.models import PricePoint, Product, ProductOption, Run

if TYPE_CHECKING:
    from csctl.app import App

_MOST = 500  # of a kind
_RUNS = 20


def words(app: App) -> dict[str, list[str]]:
    """The newest products, options, price points and the operator's own runs, by the kind of word."""
    runs = select(Run.id).where(Run.operator_id == app.actor.id).order_by(Run.id.desc()).limit(_RUNS)
    with app.read() as session:
        found = {"run": [ids.show("run", number) for number in session.scalars(runs)]}
        if app.actor.role in permissions.allowed("product list"):
            on_sale = select(Product.sku).where(Product.retired_at.is_(None)).order_by(Product.id.desc())
            options = select(ProductOption.code).distinct().order_by(ProductOption.code)
            prices = select(PricePoint.code).order_by(PricePoint.id.desc())
            for kind, query in (("product", on_sale), ("option", options), ("price", prices)):
                found[kind] = list(session.scalars(query.limit(_MOST)))
    return found
