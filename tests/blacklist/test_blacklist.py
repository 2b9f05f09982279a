"""The blacklist: what goes onto it, how it is asked, and what it does not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from csctl.domain.addresses import Address
from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase
from tests.selection import on_sqlite
from tests.shops import Shop


def add(shop: Shop, *words: str) -> None:
    done = shop("blacklist", "add", *words, "--reason", "chargebacks", "--yes")
    assert done.code == 0, done.err


def is_blacklisted(shop: Shop, *words: str) -> bool:
    found = shop("blacklist", "check", *words, "-o", "json", as_="agent")
    assert found.code == 0, found.err
    assert found.json["blacklisted"] is bool(found.json["matches"])
    return bool(found.json["blacklisted"])


def test_several_values_of_several_kinds_are_added_at_once(shop: Shop) -> None:
    done = shop(
        "blacklist add --email a@spam.example --email '*@bot.example' --ip 203.0.113.0/24 --phone '+1 (217) 555-0199'"
        " --card 424242-4242 --address '5 Main Street, Springfield' --reason testing --yes -o json"
    )

    assert done.code == 0, done.err
    assert [(row["outcome"], row["kind"], row["value"]) for row in done.json] == [
        ("created", "email", "a@spam.example"),
        ("created", "email", "*@bot.example"),
        ("created", "ip", "203.0.113.0/24"),
        ("created", "phone", "+12175550199"),
        ("created", "card", "424242-4242"),
        ("created", "address", "5 Main Street, Springfield"),
    ]
    listed = shop("blacklist list -o json", as_="agent").json
    assert [row["id"] for row in listed] == [row["id"] for row in reversed(done.json)]
    assert listed[0].keys() >= {"id", "kind", "value", "reason", "created_at", "created_by"}
    assert {(row["reason"], row["created_by"]) for row in listed} == {("testing", "admin")}


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        (("--email", "Jane@Example.com"), ("--email", "jane@EXAMPLE.com")),
        (("--email", "*@example.com"), ("--email", "anybody@example.com")),
        (("--phone", "+1 217 555 0100"), ("--phone", "+1 (217) 555-0100")),
        (("--ip", "203.0.113.0/24"), ("--ip", "203.0.113.77")),
        (("--ip", "2001:db8::/32"), ("--ip", "2001:db8::1")),
        (("--ip", "::ffff:203.0.113.7"), ("--ip", "203.0.113.7")),
        (("--ip", "::ffff:203.0.113.0/120"), ("--ip", "203.0.113.7")),
        (("--address", "5 Main St Apt 12, Springfield"), ("--address", "Apt. 12, 5 Main Street, Springfield")),
        (("--address", "5 Main St #12, Springfield"), ("--address", "5 Main Street, Unit 12, Springfield")),
        (("--address", "5 First Circle, Springfield"), ("--address", "5 1st Cir, Springfield")),
        (("--address", "350 5th Ave, New York"), ("--address", "5th Avenue 350, New York")),
        (("--card", "424242******4242"), ("--card", "4242424242")),
        (("--address", "5 Main Street, Springfield"), ("--address", "5 MAIN ST., Springfield, IL 62701")),
        (("--address", "Hauptstraße 5, 10115 Berlin"), ("--address", "Hauptstr. 5, 10115 Berlin")),
    ],
)
@on_sqlite
def test_a_value_matches_however_it_is_spelt(shop: Shop, entry: tuple[str, ...], asked: tuple[str, ...]) -> None:
    add(shop, *entry)

    assert is_blacklisted(shop, *asked)


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        (("--email", "*@example.com"), ("--email", "jane@notexample.com")),
        (("--email", "jane@example.com"), ("--email", "jane@example.org")),
        (("--ip", "203.0.113.0/24"), ("--ip", "203.0.114.1")),
        (("--ip", "203.0.113.0/24"), ("--ip", "2001:db8::1")),
        (("--card", "424242-4242"), ("--card", "424242-4243")),
        (("--address", "5 Main Street, Springfield"), ("--address", "55 Main Street, Springfield")),
        (("--address", "5 Main St Apt 12, Springfield"), ("--address", "12 Main St, Apt 5, Springfield")),
        (("--address", "21 Elm St 12, Springfield"), ("--address", "12 Elm St 21, Springfield")),
    ],
)
@on_sqlite
def test_another_value_does_not_match(shop: Shop, entry: tuple[str, ...], asked: tuple[str, ...]) -> None:
    add(shop, *entry)

    assert not is_blacklisted(shop, *asked)


def test_check_says_which_entry_matches_and_why(shop: Shop) -> None:
    add(shop, "--email", "*@spam.example")

    match = shop("blacklist check --email bob@spam.example -o json", as_="agent").json["matches"][0]

    assert (match["id"], match["value"], match["reason"]) == ("bli_1", "*@spam.example", "chargebacks")
    assert match["because"] == "all of spam.example is blacklisted"


def test_adding_a_customer_adds_all_that_is_known_of_them(shop: Shop) -> None:
    home = Address("12 Elm Street", None, "Springfield", "IL", "62701", "US")
    customer = make_customer(
        shop, email="jane@shop.example", phone="+12175550123", ip="203.0.113.9", billing=home, shipping=home
    )
    make_payment_method(shop, customer, bin="411111", last4="1111")

    done = shop(f"blacklist add --customer {customer} --reason chargebacks --yes -o json")

    assert done.code == 0, done.err
    assert {(row["kind"], row["value"]) for row in done.json} == {
        ("customer", customer),
        ("email", "jane@shop.example"),
        ("phone", "+12175550123"),
        ("ip", "203.0.113.9"),
        ("card", "411111-1111"),
        ("address", "12 Elm Street, 62701 Springfield IL, US"),
    }
    assert is_blacklisted(shop, "--customer", customer)
    assert "chargebacks" in shop(f"customer history {customer} -o json", as_="agent").json[0]["text"]


def test_another_account_of_a_blacklisted_person_is_found(shop: Shop) -> None:
    first = make_customer(shop, email="one@shop.example", phone="+12175550111", billing=Address(), shipping=Address())
    second = make_customer(shop, email="two@shop.example", phone="+12175550111", billing=Address(), shipping=Address())
    stranger = make_customer(shop, email="three@shop.example", phone="+12175550112")

    add(shop, "--customer", first)

    assert is_blacklisted(shop, "--customer", second)
    assert not is_blacklisted(shop, "--customer", stranger)


def test_a_person_in_another_flat_of_the_house_is_not_found(shop: Shop) -> None:
    def at(line1: str, line2: str | None) -> str:
        return make_customer(shop, billing=Address(line1, line2, "Springfield", "IL", "62701", "US"))

    meant, neighbour = at("5 Main Street", "Apt 12"), at("12 Main Street", "Apt 5")

    add(shop, "--address", "5 Main St Apt 12, Springfield")

    assert is_blacklisted(shop, "--customer", meant)
    assert not is_blacklisted(shop, "--customer", neighbour)


def test_a_phone_number_that_was_kept_before_the_shop_had_a_country_is_found(shop: Shop) -> None:
    customer = shop("customer create --first-name Zoe --phone '(217) 555-0133' -o json").json[0]["id"]
    other = shop("customer create --first-name Ann --phone '(217) 555-0134' -o json").json[0]["id"]
    shop("setting set country US")

    add(shop, "--phone", "+1 217 555 0133")

    assert is_blacklisted(shop, "--customer", customer)
    assert not is_blacklisted(shop, "--customer", other)


_FRAUD_STREET = (
    "--shipping-line1 '99 Fraud St.' --shipping-city Boston --shipping-postal-code 02101 --shipping-country US"
)


def test_nothing_is_sold_to_a_blacklisted_address_though_the_customer_lives_elsewhere(shop: Shop) -> None:
    price = make_price(shop, interval="month")
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    words = f"order create --customer {customer} --item {price} --yes -o json"
    assert shop(f"{words} {_FRAUD_STREET}").code == 0

    add(shop, "--address", "99 Fraud Street, Boston")

    assert shop(f"{words} {_FRAUD_STREET}").code == 6
    assert shop("purchase force-bill pur_1 --yes").code == 6
    shop.now = "2026-04-02T09:00:00Z"
    run = shop("billing run -o json")
    assert [(row["outcome"], "blacklisted" in row["message"]) for row in run.json] == [("skipped", True)]
    assert shop(words).code == 0


def test_a_customer_who_was_merged_into_another_is_not_blacklisted_in_their_place(shop: Shop) -> None:
    keep, other = make_customer(shop), make_customer(shop)
    assert shop(f"customer merge {keep} {other} --yes").code == 0

    done = shop(f"blacklist add --customer {other} --reason x --yes -o json")

    assert done.code == 5
    assert keep in str(done.json[0]["error"])
    assert shop.sql("SELECT * FROM blacklist") == []


def test_what_is_on_it_already_is_skipped(shop: Shop) -> None:
    add(shop, "--email", "jane@example.com")

    again = shop("blacklist add --email JANE@example.com --reason again --yes -o json")

    assert again.code == 0
    assert (again.json[0]["outcome"], again.json[0]["id"]) == ("skipped", "bli_1")
    assert shop("blacklist list -o json").json[0]["reason"] == "chargebacks"


def test_a_file_is_taken_line_by_line_and_bad_lines_are_named(shop: Shop) -> None:
    Path("list.csv").write_text("kind,value,reason\nemail,a@spam.example,\nfax,1,\nip,300.1.1.1,scan\n,,\nip,,\n")

    done = shop("blacklist add --from list.csv --reason shared --yes -o json")

    assert done.code == 3
    assert [(row["id"], row["outcome"]) for row in done.json] == [
        ("bli_1", "created"),
        ("line 3", "refused"),
        ("line 4", "refused"),
        ("line 6", "refused"),
    ]
    assert shop("blacklist list -o json").json[0]["reason"] == "shared"


@pytest.mark.parametrize(
    "words",
    [
        "--email jane@example.com",
        "--email jane@example.com --reason ''",
        "--reason why",
        "--email nonsense --reason why",
        "--ip 300.1.2.3 --reason why",
        "--card 4242424242424242 --reason why",
        "--card 4242-4242 --reason why",
        "--address Springfield --reason why",
        "--customer ord_1 --reason why",
        "--email jane@example.com --cancel-purchases --reason why",
        "--from missing.csv --reason why",
    ],
)
@on_sqlite
def test_what_cannot_be_blacklisted_is_a_usage_error_and_adds_nothing(shop: Shop, words: str) -> None:
    done = shop(f"blacklist add {words} --yes -o json")

    assert done.code == 2
    assert "4242424242424242" not in done.out + done.err
    assert shop("blacklist list -o json").json == []


def test_adding_asks_and_a_dry_run_adds_nothing(shop: Shop) -> None:
    words = "blacklist add --email jane@example.com --reason why"

    unasked, tried = shop(words), shop(f"{words} --dry-run -o json")

    assert unasked.code == 2
    assert (tried.code, tried.json[0]["outcome"], tried.json[0]["dry_run"]) == (0, "created", True)
    assert tried.json[0]["id"] == "new"  # it has no number yet
    assert shop("blacklist list -o json").json == []


def test_purchases_are_cancelled_where_that_is_said_and_not_else(shop: Shop) -> None:
    customer = make_customer(shop)
    order = make_order(shop, customer)
    subscription = make_purchase(shop, order, interval="month", status="active", next_bill_on="2026-04-01")
    bought = make_purchase(shop, order)
    elsewhere = make_purchase(shop, interval="month", status="active", next_bill_on="2026-04-01")

    def statuses() -> dict[str, str]:
        return {f"pur_{row['id']}": row["status"] for row in shop.sql("SELECT id, status FROM purchases")}

    add(shop, "--customer", customer)
    assert statuses()[subscription] == "active"

    done = shop(f"blacklist add --customer {customer} --reason fraud --cancel-purchases --yes -o json")

    assert done.code == 0, done.err
    assert [row["id"] for row in done.json if row["outcome"] == "cancelled"] == [subscription]
    assert "cancelled 1 purchase" in done.err
    assert statuses() == {subscription: "cancelled", bought: "complete", elsewhere: "active"}
    row = shop.sql("SELECT cancelled_at, cancel_reason, next_bill_on FROM purchases WHERE status = 'cancelled'")[0]
    assert row["cancelled_at"] is not None
    assert (row["cancel_reason"], row["next_bill_on"]) == ("blacklisted: fraud", None)
    assert any("cancelled" in one["text"] for one in shop(f"customer history {customer} -o json").json)
    trail = shop("audit list --command 'blacklist add' -o json").json
    assert [row["target"] for row in trail if row["outcome"] == "cancelled"] == [subscription]


def test_removing_takes_the_entry_off_and_leaves_word_of_it(shop: Shop) -> None:
    add(shop, "--email", "jane@example.com")

    done = shop("blacklist remove bli_1 bli_9 --reason mistake --yes -o json")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["removed", "refused"]
    assert not is_blacklisted(shop, "--email", "jane@example.com")
    row = shop("audit list --command 'blacklist remove' -o json").json[0]
    assert (row["target"], row["outcome"]) == ("bli_1", "removed")


def test_a_customer_who_is_taken_off_may_be_blocked_by_other_entries_still(shop: Shop) -> None:
    """Adding a customer makes entries of their email, phone and address, too."""
    customer = make_customer(shop, email="jane@example.com")
    add(shop, "--customer", customer)
    entries = shop("blacklist list --all -o json").json
    first = next(row["id"] for row in entries if row["kind"] == "customer")
    rest = {row["id"] for row in entries} - {first}

    one = shop(f"blacklist remove {first} --dry-run -o json").json[0]["message"]
    all_of_them = shop(f"blacklist remove {first} {' '.join(rest)} --dry-run -o json").json[0]["message"]

    assert rest
    assert all(name in one for name in rest)
    assert all_of_them == "customer taken off the blacklist"


def test_the_audit_log_names_entries_and_no_personal_data(shop: Shop) -> None:
    add(shop, "--email", "jane@example.com", "--phone", "+12175550100")

    trail = shop("audit list --command 'blacklist add' -o json").out

    assert "bli_1" in trail
    assert "jane@" not in trail
    assert "5550100" not in trail


def test_the_list_can_be_narrowed(shop: Shop) -> None:
    add(shop, "--email", "jane@example.com", "--email", "100%@example.com", "--ip", "203.0.113.0/24")
    customer = make_customer(shop, email="jane@example.com")

    def listed(*words: str) -> list[str]:
        return shop("blacklist", "list", *words, "-o", "name", as_="agent").out.split()

    assert listed("--kind", "ip") == ["bli_3"]
    assert listed("--value", "JANE") == ["bli_1"]
    assert listed("--value", "%") == ["bli_2"]
    assert listed("--customer", customer) == ["bli_1"]
    assert listed("--reason", "nothing") == []
    assert listed("--since", "2026-03-03") == []
