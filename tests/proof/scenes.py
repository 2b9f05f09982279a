"""The money commands that are killed: what each prepares, runs, and must come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from tests.billing.catalog import make_buyer, subscribe
from tests.factories import make_order, make_price, make_purchase, make_sale
from tests.shops import Shop

FIRST = date(2026, 3, 2)


@dataclass(frozen=True)
class Moment:
    """One round of a scene: its day, and its number, from 1."""

    number: int

    @property
    def day(self) -> date:
        return FIRST + timedelta(days=self.number)

    def at(self, time: str, days: int = 0) -> str:
        """A time of that day, or of one so many days later, as CSCTL_NOW."""
        return f"{self.day + timedelta(days=days)}T{time}Z"


@dataclass(frozen=True)
class Scene:
    """A command line that moves money. `prepare` makes what it needs and returns it; `again` is what a person, or cron,
    runs after it was killed. `returns` says whether each round gives money back once.
    """

    name: str
    prepare: Callable[[Shop, Moment], str]
    again: Callable[[str], str] = lambda words: words
    returns: bool = True


def _refund(shop: Shop, moment: Moment) -> str:
    """A part: a gateway would not object to paying it twice."""
    return f"txn refund {make_sale(shop)} --amount 5 --request-id R{moment.number} --yes"


def _void(shop: Shop, moment: Moment) -> str:
    return f"txn void {make_sale(shop, settled=False)} --yes"


def _order_refund(shop: Shop, moment: Moment) -> str:
    """The books say unsettled, and the gateway has settled: a void is refused, and a refund follows."""
    shop.now = moment.at("09:00:00", days=-1)
    sale = make_sale(shop, settled=False)
    return f"order refund {shop(f'txn show {sale} -o json').json['order_id']} --yes"


def _queue_retry(shop: Shop, moment: Moment) -> str:
    sale = make_sale(shop, token="tok_refund_declined_1")
    shop(f"txn refund {sale} --amount 5 --yes", at=moment.at("09:00:00", days=-1))
    return "queue retry"


def _cancel(shop: Shop, moment: Moment) -> str:
    sale = make_sale(shop)
    return f"order cancel {shop(f'txn show {sale} -o json').json['order_id']} --refund --yes"


def _purchase_cancel(shop: Shop, moment: Moment) -> str:
    order = make_order(shop)
    purchase = make_purchase(shop, order, status="active", interval="year", next_bill_on=f"{moment.day.year + 1}-03-01")
    make_sale(shop, order=order, purchase=purchase)
    return f"purchase cancel {purchase} --refund-last --yes"


def _lost_answer(shop: Shop, moment: Moment) -> str:
    """Reconciling a refund whose answer was lost."""
    sale = make_sale(shop, token="tok_timeout_applied")
    shop(f"txn refund {sale} --amount 5 --yes", at=moment.at("08:00:00"))
    return "txn reconcile"


def _charge(shop: Shop, moment: Moment) -> str:
    return f"order create --customer {make_buyer(shop)} --item {make_price(shop, interval='year')} --yes"


def _force_bill(shop: Shop, moment: Moment) -> str:
    purchase = subscribe(shop, interval="year", at=moment.at("09:00:00", days=-1))
    return f"purchase force-bill {purchase} --quantity 2 --unit-price 3.00 --yes"


def _billing_run(shop: Shop, moment: Moment) -> str:
    subscribe(shop, interval="year", at=moment.at("09:00:00", days=-365))
    return "billing run"


RETURNS = [
    Scene("refund", _refund),
    Scene("void", _void),
    Scene("order refund", _order_refund),
    Scene("queue retry", _queue_retry),
    Scene("order cancel", _cancel),
    Scene("purchase cancel", _purchase_cancel),
    Scene("reconcile", _lost_answer),
]
CHARGES = [
    Scene("charge", _charge, again=lambda words: "txn reconcile", returns=False),
    Scene("force bill", _force_bill, returns=False),
    Scene("billing run", _billing_run, returns=False),
]
SCENES = {scene.name: scene for scene in (*RETURNS, *CHARGES)}
