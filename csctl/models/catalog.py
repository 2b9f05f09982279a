"""The catalog: products, their options, and the price points of those."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csctl.models.columns import Base, BigId


class Product(Base):
    __tablename__ = "products"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]  # from then on it is not sold; subscriptions continue

    options: Mapped[list[ProductOption]] = relationship(back_populates="product", order_by="ProductOption.id")


class ProductOption(Base):
    """A variant of a product: a size, a flavour. A product without variants has one, called `default`."""

    __tablename__ = "product_options"
    __table_args__ = (UniqueConstraint("product_id", "code"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    code: Mapped[str]
    name: Mapped[str | None]
    created_at: Mapped[datetime]

    product: Mapped[Product] = relationship(back_populates="options")
    prices: Mapped[list[PricePoint]] = relationship(back_populates="option", order_by="PricePoint.id")


class PricePoint(Base):
    """A price for an option. `interval` is `month`, `14 days`…; NULL for a single purchase. Amounts in minor units."""

    __tablename__ = "price_points"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("trial_amount >= 0", name="trial_amount"),
        CheckConstraint("trial_days >= 0", name="trial_days"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    option_id: Mapped[int] = mapped_column(ForeignKey("product_options.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    amount: Mapped[int] = mapped_column(BigId)
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[str | None]
    trial_days: Mapped[int | None]
    trial_amount: Mapped[int | None] = mapped_column(BigId)
    final_cycle: Mapped[int | None]  # the last one that is billed, the checkout being cycle 1; NULL: without end
    created_at: Mapped[datetime]

    option: Mapped[ProductOption] = relationship(back_populates="prices")
