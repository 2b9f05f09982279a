"""Customers, their payment methods and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, event
from sqlalchemy.orm import Mapped, composite, mapped_column, relationship

from csctl.domain.addresses import Address
from csctl.domain.fields import TEXTS
from csctl.domain.states import HistoryKind
from csctl.domain.text import digits, fold
from csctl.models.columns import Base, BigId, partial_index


def address_columns(prefix: str) -> tuple[Any, ...]:
    """The columns of an address that a table holds, e.g. `billing_city`."""
    return tuple(
        mapped_column(f"{prefix}_{name}", nullable=True)
        for name in ("line1", "line2", "city", "region", "postal_code", "country")
    )


class Customer(Base):
    """A person who buys. `folded_…` and `phone_digits` are the columns of searches, updated by the listener below."""

    __tablename__ = "customers"
    __table_args__ = (
        # In the order of lists, with what searches compare of customers whom they look at one by one.
        Index("ix_customers_created_at", "created_at", "id", "merged_into_id", "billing_country", "shipping_country"),
        Index(None, "billing_country"),
        Index(None, "shipping_country"),
        partial_index("ix_customers_merged_into_id", "merged_into_id", where="merged_into_id IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]  # E.164 if the number is valid, else as it was entered
    ip: Mapped[str | None] = mapped_column(index=True)
    billing: Mapped[Address] = composite(*address_columns("billing"))
    shipping: Mapped[Address] = composite(*address_columns("shipping"))
    folded_first_name: Mapped[str] = mapped_column(default="")
    folded_last_name: Mapped[str] = mapped_column(default="", index=True)
    folded_email: Mapped[str] = mapped_column(default="", index=True)
    folded_city: Mapped[str] = mapped_column(default="")
    folded_region: Mapped[str] = mapped_column(default="", server_default="")
    folded_address: Mapped[str] = mapped_column(default="")
    phone_digits: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    erased_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()

    payment_methods: Mapped[list[PaymentMethod]] = relationship(back_populates="customer", order_by="PaymentMethod.id")

    # If two users edit the same customer, the second save finds another version and is refused.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own way

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part)


@event.listens_for(Customer, "before_insert")
@event.listens_for(Customer, "before_update")
def _fold(_mapper: Any, _connection: Any, customer: Customer) -> None:
    fold_for_search(customer)


def fold_for_search(customer: Customer) -> None:
    """Fill the columns of searches. To be called for a customer that is stored without the ORM."""
    details = {name: getattr(customer, name) for name in (*TEXTS, "phone")}
    for name, folded in search_columns(billing=customer.billing, shipping=customer.shipping, **details).items():
        setattr(customer, name, folded)


def search_columns(
    *, billing: Address | None, shipping: Address | None, phone: str | None, **texts: str | None
) -> dict[str, str]:
    """The columns of searches. `texts` are the details of TEXTS."""
    billing, shipping = billing or Address(), shipping or Address()
    return {
        **{f"folded_{name}": fold(texts.get(name)) for name in TEXTS},
        "folded_city": fold(f"{billing.city or ''} {shipping.city or ''}"),
        "folded_region": f"{fold(billing.region)}\n{fold(shipping.region)}",  # nothing is found across both
        "folded_address": fold(" ".join([*billing.lines(), *shipping.lines()])),
        "phone_digits": digits(phone),
    }


class PaymentMethod(Base):
    """A gateway's token for a card. Never a card number or CVV."""

    __tablename__ = "payment_methods"
    __table_args__ = (
        Index("ix_payment_methods_bin", "bin", "customer_id"),
        Index("ix_payment_methods_last4", "last4", "customer_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    gateway: Mapped[str]
    token: Mapped[str]
    brand: Mapped[str | None]
    bin: Mapped[str | None] = mapped_column(String(8))
    last4: Mapped[str | None] = mapped_column(String(4))
    exp_month: Mapped[int | None]
    exp_year: Mapped[int | None]
    is_default: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]  # from then on nothing is charged to it
    created_at: Mapped[datetime]

    customer: Mapped[Customer] = relationship(back_populates="payment_methods")


class HistoryEntry(Base):
    """An entry in the history of a customer: a note, a call, an event.

    `text` is csctl's sentence, or the note of an operator; `reason` is why the operator made the change. An edited note
    is a new row with the time of the one it replaces, which is not shown any more.
    """

    __tablename__ = "history"
    __table_args__ = (
        Index(None, "customer_id", "at"),
        Index(None, "replaces_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    at: Mapped[datetime]
    kind: Mapped[HistoryKind]
    text: Mapped[str]
    reason: Mapped[str | None]
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    transaction_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("history.id"))
    edited_at: Mapped[datetime | None]
