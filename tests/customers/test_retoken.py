"""New tokens of cards come from a file."""

from __future__ import annotations

from tests.factories import make_payment_method, make_price, make_purchase
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite


def tokens(shop: Shop) -> dict[int, str]:
    return {row["id"]: row["token"] for row in shop.sql("SELECT id, token FROM payment_methods")}


def retoken(shop: Shop, text: str, as_: str = "admin") -> tuple[int, str]:
    done = shop("customer payment-method retoken --from - --yes", input=text, as_=as_)
    return done.code, done.out + done.err


def test_cards_get_the_tokens_of_a_file_once(shop: Shop) -> None:
    cards = [make_payment_method(shop, token=f"tok_{n}") for n in range(3)]
    file = f"id,old_token,token\n{cards[0]},tok_0,new_0\n{cards[1]},tok_1,new_1\n"

    first, again = retoken(shop, file), retoken(shop, file)

    assert list(tokens(shop).values()) == ["new_0", "new_1", "tok_2"]
    assert (first[0], again[0]) == (0, 0)
    assert "no change" in again[1]
    trail = str(shop("audit list -o json").json)
    assert "payment-method retoken" in trail
    assert "new_0" not in trail + first[1]


def test_a_line_that_means_another_card_is_refused(shop: Shop) -> None:
    card = make_payment_method(shop, token="tok_1")

    code, said = retoken(shop, f"id,old_token,token\n{card},tok_9,new_1\n")

    assert code == 5
    assert "line 2" in said
    assert "tok_" not in said
    assert retoken(shop, f"id,token\n{card},new_1\n", as_="agent")[0] == 6
    assert retoken(shop, f"id,token,gateway\n{card},new_1,eu\n")[0] == 5
    assert list(tokens(shop).values()) == ["tok_1"]


def test_a_card_with_an_open_charge_keeps_its_token(shop: Shop) -> None:
    card = make_payment_method(shop, token="tok_charge_timeout_applied")
    price, today = make_price(shop, amount="30.00", interval="month"), shop.now[:10]
    make_purchase(shop, price=price, payment_method=card, status="active", next_bill_on=today)
    assert shop("billing run", as_="service").code == 9

    assert retoken(shop, f"id,token\n{card},new_1\n")[0] == 5
    shop("txn reconcile", as_="service")
    assert retoken(shop, f"id,token\n{card},new_1\n")[0] == 0
