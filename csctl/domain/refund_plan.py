"""Which sales the refund of an order uses, and how (domain rules, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from csctl.domain.money import Money
from csctl.domain.states import Kind
from csctl.errors import Conflict, Usage


@dataclass(frozen=True)
class Ways:
    """What the gateway of a sale can do before settlement: void it, refund the whole, refund a part."""

    void: bool = True
    refund: bool = False
    part: bool = False

    def refunds(self, *, whole: bool) -> bool:
        """Whether an unsettled sale can be refunded."""
        return self.refund if whole else self.part


@dataclass(frozen=True)
class SaleView:
    """An approved sale, with what a plan uses. Amounts in minor units."""

    id: int
    amount: int
    left: int
    settled: bool
    created_at: datetime
    purchase_id: int | None
    cycle: int
    ways: Ways = Ways()


@dataclass(frozen=True)
class Part:
    """What is done to one sale."""

    sale_id: int
    kind: Kind  # void or refund
    amount: int


@dataclass(frozen=True)
class Which:
    """Which billings of an order are refunded. `limit` (minor units) is the most that a purchase may
    get of one sale.
    """

    last: bool = False
    cycle: int | None = None
    all_cycles: bool = False
    purchase_id: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.last + self.all_cycles + (self.cycle is not None) > 1:
            raise Usage("--last, --cycle and --all-cycles exclude each other", fix="give one of them")

    @property
    def chosen(self) -> bool:
        return self.last or self.all_cycles or self.cycle is not None


class Unsettled(Conflict):
    """Part of an unsettled sale was requested. It may have settled: `sale_ids` to ask the gateway about."""

    def __init__(self, sale_ids: Sequence[int], message: str, *, cause: str, fix: str) -> None:
        super().__init__(message, cause=cause, fix=fix)
        self.sale_ids = list(sale_ids)


class NothingLeft(Conflict):
    """Nothing can be returned of the chosen sales: `sale_ids`, newest first."""

    def __init__(self, sale_ids: Sequence[int], cause: str | None = None, fix: str | None = None) -> None:
        super().__init__("nothing remains to refund", cause=cause, fix=fix)
        self.sale_ids = list(sale_ids)


def plan(sales: Sequence[SaleView], which: Which, amount: int | None, currency: str) -> list[Part]:
    """The parts of an order's refund, newest sale first: the whole remaining amount, or `amount` of it.

    An unsettled sale is voided, but only as a whole. Raises NothingLeft if nothing remains, Conflict if `amount` is
    more than remains, or several billings have a remaining amount and none was chosen; Unsettled for part of an
    unsettled sale.
    """
    with_money = [sale for sale in _choose(sales, which) if sale.left > 0]
    if len(with_money) > 1 and not which.chosen:
        raise Conflict(
            f"the order has {len(with_money)} billings with a remaining amount",
            cause=f"of cycles {', '.join(str(sale.cycle) for sale in with_money)}",
            fix="say which: --last, --cycle N or --all-cycles",
        )
    left = sum(_available(sale, which) for sale in with_money)
    if left == 0:
        raise NothingLeft([sale.id for sale in _choose(sales, which)])
    if amount is None:
        amount = left
    if amount > left:
        raise Conflict(
            f"{Money(amount, currency)} is more than the remaining amount", cause=f"{Money(left, currency)} remains"
        )
    return _parts(with_money, which, amount, currency)


def _choose(sales: Sequence[SaleView], which: Which) -> list[SaleView]:
    """The chosen sales, newest first. The last billing is the newest one, even if nothing of it remains."""
    newest_first = sorted(sales, key=lambda sale: (sale.created_at, sale.id), reverse=True)
    if which.purchase_id is not None:
        newest_first = [sale for sale in newest_first if sale.purchase_id in (None, which.purchase_id)]
    if which.cycle is not None:
        newest_first = [sale for sale in newest_first if sale.cycle == which.cycle]
    return newest_first[:1] if which.last else newest_first


def _available(sale: SaleView, which: Which) -> int:
    """The amount that a sale can return: of a sale for several purchases, at most the share of the purchase."""
    covers_others = which.purchase_id is not None and sale.purchase_id is None
    return min(sale.left, which.limit) if covers_others and which.limit is not None else sale.left


def _parts(sales: list[SaleView], which: Which, amount: int, currency: str) -> list[Part]:
    parts, rest = [], amount
    for sale in sales:
        take = min(_available(sale, which), rest)
        if take == 0:
            break
        rest -= take
        kind = _kind(sale, whole=take == sale.amount)
        if kind is None:
            raise _unsettled(sales, sale, currency)
        parts.append(Part(sale.id, kind, take))
    return parts


def _kind(sale: SaleView, *, whole: bool) -> Kind | None:
    """How the money of a sale is returned. None if it must settle first."""
    if sale.settled:
        return Kind.REFUND
    if whole and sale.ways.void:
        return Kind.VOID
    return Kind.REFUND if sale.ways.refunds(whole=whole) else None


def _unsettled(sales: list[SaleView], sale: SaleView, currency: str) -> Unsettled:
    now = sum(other.left for other in sales if other.settled)
    parts = [f"up to {Money(now, currency)} of settled sales can be refunded now"] if now else []
    parts.append(f"the {Money(sale.amount, currency)} of txn_{sale.id} can be voided as a whole now")
    return Unsettled(
        [sale.id],
        f"part of txn_{sale.id} is asked for, and it has not settled: there is no partial void",
        cause="; ".join(parts),
        fix="leave --amount out, or wait until it has settled (csctl txn sync)",
    )
