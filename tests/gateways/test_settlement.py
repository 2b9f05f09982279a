"""Plans follow what each gateway can do before a sale has settled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from csctl.domain.refund_plan import Part, SaleView, Unsettled, Ways, Which, plan
from csctl.domain.states import Kind
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.worlds import World
from tests.selection import one_database

never_settles = pytest.mark.parametrize("world", ["nmi"], indirect=True)
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settled", "ways", "amount", "kind"),
    [
        (True, Ways(), 2000, Kind.REFUND),
        (True, Ways(), 800, Kind.REFUND),
        (False, Ways(), 2000, Kind.VOID),
        (False, Ways(), 800, None),
        (False, Ways(refund=True, part=True), 2000, Kind.VOID),
        (False, Ways(refund=True, part=True), 800, Kind.REFUND),
        (False, Ways(refund=True), 800, None),
        (False, Ways(void=False), 2000, None),
        (False, Ways(void=False, refund=True), 2000, Kind.REFUND),
        (False, Ways(void=False, refund=True), 800, None),
    ],
)
def test_how_the_money_of_a_sale_is_returned(settled: bool, ways: Ways, amount: int, kind: Kind | None) -> None:
    sale = SaleView(7, 2000, 2000, settled, AT, None, 1, ways)

    if kind is None:
        with pytest.raises(Unsettled):
            plan([sale], Which(), amount, "USD")
    else:
        assert plan([sale], Which(), amount, "USD") == [Part(7, kind, amount)]


def unsettled_for(world: World, age: timedelta) -> tuple[str, str]:
    """A sale whose processor does not report that it has settled."""
    assert isinstance(world.ledger, NmiLedger)
    world.ledger.refunds_unsettled = True
    sale, reference = world.sale(settled=False)
    world.settle = lambda: None
    world.at((world.shop.moment + age).isoformat())
    return sale, reference


@one_database
@never_settles
def test_a_sale_that_is_never_reported_as_settled_can_be_refunded(world: World) -> None:
    sale, reference = unsettled_for(world, timedelta(days=10))
    order = world.shop(f"txn show {sale} -o json").json["order_id"]

    part = world.shop(f"txn refund {sale} --amount 8.00 --yes -o json")
    rest = world.shop(f"order refund {order} --amount 2.00 --yes -o json")

    assert (part.code, rest.code) == (0, 0), part.err + rest.err
    assert world.returned(reference) == world.booked(sale) == Decimal("10.00")


@one_database
@never_settles
def test_all_of_such_a_sale_can_be_refunded(world: World) -> None:
    sale, reference = unsettled_for(world, timedelta(days=10))

    done = world.shop(f"txn refund {sale} --yes -o json")

    assert done.code == 0, done.err
    assert world.returned(reference) == world.booked(sale) == Decimal("20.00")


@one_database
@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_where_only_authorizations_are_voided_a_captured_sale_is_not(world: World) -> None:
    sale, _ = world.sale(settled=False)

    done = world.shop(f"txn void {sale} --yes -o json")

    assert (done.code, world.ledger.written()) == (5, [])
    assert done.json[0]["error"]["fix"] == f"csctl txn refund {sale}"


@one_database
@never_settles
def test_a_new_sale_waits_for_its_settlement(world: World) -> None:
    sale, reference = unsettled_for(world, timedelta(hours=20))

    done = world.shop(f"txn refund {sale} --amount 8.00 --yes -o json")

    assert done.code == 5
    assert world.ledger.written() == []
    assert world.returned(reference) == 0


@one_database
@never_settles
def test_a_refusal_in_unknown_words_is_settled_by_asking(world: World) -> None:
    sale, reference = unsettled_for(world, timedelta(days=10))
    assert isinstance(world.ledger, NmiLedger)
    world.ledger.refunds_unsettled = False
    assert world.shop(f"txn refund {sale} --amount 8.00 --yes").code == 9

    world.later(timedelta(hours=5))
    world.shop("txn reconcile", as_="service")

    (item,) = world.shop("queue list -o json").json
    assert (item["state"], item["attempts"]) == ("queued", 0)
    assert world.returned(reference) == 0
