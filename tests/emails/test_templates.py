"""What an email says, with any template and any customer's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from csctl.domain.states import EmailKind
from tests.emails.waiting import NOWHERE, html, make_email, states, text
from tests.factories import make_customer, make_order, make_price, make_purchase, make_sale
from tests.shops import Shop

KINDS = tuple(kind.value for kind in EmailKind)
HOSTILE = [
    'Jane <script>alert(1)</script> "x" & co',
    "Jane {{ 7 * 7 }} {% for x in y %} {# #}",
    "Jane\r\nBcc: everybody@example.com",
    "Jane\nSubject: other\n\nAnother body",
    "Jane \u202egpj.exe\u202c \u2066x",
    "=?utf-8?q?Jane?=",
    "é漢字🙂\x00\x07",
    "Jane\x1b[31m",
    "Ja\u200bne \u2060\ufeffa\u200db \U000e0041",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_template_has_subject_text_and_html(shop: Shop, kind: str) -> None:
    record = shop(f"email preview {kind} -o json").json

    assert record["subject"]
    assert "\n" not in record["subject"]
    assert "Jane Doe" in record["text"]
    assert "<" not in record["text"]
    assert record["html"].startswith("<!DOCTYPE html>")
    assert "Jane Doe" in record["html"]
    assert "http" not in record["html"], "nothing is fetched from elsewhere"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_ever_text(shop: Shop, name: str) -> None:
    customer = make_customer(shop, first_name=name.replace("\0", ""), last_name="Doe", email="jane@example.com")
    sale = make_sale(shop, order=make_order(shop, customer, external_id=f"no {name}".replace("\0", "")))

    done = shop(f"txn refund {sale} --yes")

    assert done.code == 0, done.err
    (mail,) = shop.mails()
    assert mail.get_all("To") == ["jane@example.com"]
    assert mail.get_all("Bcc") is None
    assert len(mail.get_all("Subject", [])) == 1
    page = html(mail)
    assert "<script" not in page
    for part in (mail["Subject"], text(mail), page):
        assert not set(part) & {"\x00", "\x07", "\x1b", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\U000e0041"}
    if "{{" in name:
        assert "{{ 7 * 7 }} {% for x in y %} {# #}" in mail["Subject"]


def test_a_recipient_that_is_two_gets_nothing(shop: Shop) -> None:
    make_email(shop, "jane@example.com, other@example.com")
    make_email(shop, "jane@example.com\r\nBcc: other@example.com")

    done = shop("email send -o jsonl")

    assert [row["outcome"] for row in done.rows] == ["failed", "failed"]
    assert shop.mails() == []
    assert states(shop) == ["failed", "failed"]


def test_an_address_beyond_ascii_is_written_as_every_server_takes_it(shop: Shop) -> None:
    make_email(shop, "jane@bücher.example")

    shop("email send")

    (file,) = shop.outbox.iterdir()
    assert b"jane@xn--bcher-kva.example" in file.read_bytes()


# -- the shop's language, zone and name


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "written"),
    [
        ("1234.50", "USD", "en_US", "$1,234.50"),
        ("1234.50", "EUR", "de_DE", "1.234,50\N{NO-BREAK SPACE}€"),
        ("500", "JPY", "en_US", "¥500"),
        ("1.234", "KWD", "en_US", "KWD\N{NO-BREAK SPACE}1.234"),
        ("1999.50", "RSD", "en_US", "RSD\N{NO-BREAK SPACE}1,999.50"),
        ("1999.50", "HUF", "en_US", "HUF\N{NO-BREAK SPACE}1,999.50"),
    ],
)
def test_amounts_are_written_as_the_locale_does_and_never_rounded(
    shop: Shop, amount: str, currency: str, locale: str, written: str
) -> None:
    shop(f"setting set locale {locale}")
    sale = make_sale(shop, amount=amount, currency=currency)

    shop(f"txn refund {sale} --yes")

    assert written in text(shop.mails()[0])


def test_days_are_those_of_the_shops_time_zone(shop: Shop) -> None:
    shop("setting set timezone Pacific/Auckland")
    sale = make_sale(shop)

    shop(f"txn refund {sale} --yes", at="2026-03-02T20:00:00Z")

    assert "Refunded    March 3, 2026" in text(shop.mails()[0])


def test_sender_name_and_answers_go_where_the_shop_says(shop: Shop) -> None:
    shop("setting", "set", "shop-name", "Söhne, Töchter & Co")
    shop("setting set mail-from shop@example.com")
    shop("setting set support-email help@example.com")
    make_email(shop)

    shop("email send")

    (mail,) = shop.mails()
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Söhne, Töchter & Co", "shop@example.com")
    assert mail["Reply-To"] == "help@example.com"
    assert "help@example.com" in text(mail)


def test_a_welcome_email_lists_what_was_bought(shop: Shop) -> None:
    price = make_price(shop, amount="5.00", sku="Coffee", interval="month")
    order = make_order(shop, total="10.00")
    make_purchase(shop, order, price=price, unit_price="5.00", quantity=2, next_bill_on="2026-04-02")

    text = shop(f"email preview welcome --order {order} -o json").json["text"]

    assert "2 x Product Coffee" in text
    assert "$10.00, every month" in text
    assert "Next payment on April 2, 2026" in text
    assert "12 Elm Street" in text


# -- templates of one's own


def own(templates: Path, file: str, text: str) -> dict[str, str]:
    path = templates / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return {"CSCTL_TEMPLATES_DIR": str(templates)}


def test_a_file_of_ones_own_replaces_that_file_alone(shop: Shop, templates: Path) -> None:
    env = own(templates, "refund/subject.txt", "Hey {{ customer.first_name }}: {{ refund.amount|money }}")
    make_email(shop)

    shop("email send", env=env)

    (mail,) = shop.mails()
    assert mail["Subject"] == "Hey Jane: $19.99"
    assert "The money goes back" in text(mail)


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ customer.__class__.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__ }}",
        "{{ refund.amount|money.__globals__ }}",
        "{{ ('%s' % refund).format.__self__.__class__.__base__ }}",
        "{{ '{0.__class__.__mro__}'.format(1) }}",
        "{{ customer|attr('__class__') }}",
        "{% include '../../../../../../etc/passwd' %}",
        "{% include '/etc/passwd' %}",
        "{% set _ = customer.update(name='x') %}{{ customer.name }}",
        "{{ [].append(1) }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(shop: Shop, templates: Path, attack: str) -> None:
    make_email(shop)

    done = shop("email send -o jsonl", env=own(templates, "refund/body.txt", attack))

    assert done.code == 0
    assert done.rows[0]["outcome"] == "queued", "it was rendered"
    assert "refund/body.txt" in done.rows[0]["error"]["message"]
    assert states(shop) == ["waiting"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ nobody }}",
        "{{ nobody.knows }}",
        "{{ customer.name",
        "{% if %}",
        "{{ customer.name|money }}",
        "{{ 1 / 0 }}",
        "{{ 'x'|date }}",
        "{{ 'x' + 1 }}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% include 'nothing.txt' %}",
        "{{ range(10) }}",
    ],
)
def test_a_broken_template_fails_no_refund_and_its_email_waits_until_it_is_fixed(
    shop: Shop, templates: Path, text: str
) -> None:
    sale = make_sale(shop)
    env = own(templates, "refund/body.html", text)

    refund = shop(f"txn refund {sale} --yes -o json", env=env)
    listed = shop("email list -o json", env=env)
    shown = shop("email show eml_1 -o json", env=env)
    preview = shop("email preview refund", env=env)

    assert (refund.code, refund.json[0]["outcome"]) == (0, "refunded")
    assert "refund/body.html" in refund.err
    assert listed.json[0]["state"] == "waiting"
    assert "refund/body.html" in shown.json["error"]
    assert preview.code == 11

    shop("email send")
    assert states(shop) == ["sent"]


def test_a_broken_template_holds_up_no_other_email(shop: Shop, templates: Path) -> None:
    env = own(templates, "refund/subject.txt", "{{ broken")
    make_email(shop, kind="refund")
    make_email(shop, kind="void")

    shop("email send", env=env)

    assert states(shop) == ["waiting", "sent"]


def test_a_folder_of_templates_that_is_not_there_is_a_wrong_configuration(shop: Shop, templates: Path) -> None:
    make_email(shop)

    done = shop("email send", env={"CSCTL_TEMPLATES_DIR": str(templates / "none")})

    assert done.code == 11
    assert states(shop) == ["waiting"]


def test_what_was_sent_is_shown_as_it_was_sent(shop: Shop, templates: Path) -> None:
    make_email(shop)
    shop("email send")

    shown = shop("email show eml_1", env=own(templates, "refund/subject.txt", "New words"))

    assert "New words" not in shown.out
    assert "Subject: Your refund of $19.99" in shown.out


def test_a_waiting_email_is_shown_as_it_would_be_sent(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --yes", env=NOWHERE)

    shown = shop("email show eml_1 -o json").json

    assert shown["state"] == "waiting"
    assert shown["subject"].startswith("Your refund of $19.99")
    assert "The money goes back" in shown["text"]


def test_the_price_of_a_trial_is_what_was_paid_for_it(shop: Shop) -> None:
    customer = make_customer(shop, first_name="Noor", last_name="شاي")
    order = make_order(shop, customer, total="300", currency="JPY")
    price = make_price(shop, amount="2800", currency="JPY", interval="month", trial_days=14, trial_amount="300")
    make_purchase(shop, order, "2800", price=price, status="trial", trial_ends_on="2026-03-16")

    said = shop(f"email preview welcome --order {order} -o json").json

    assert "¥300, trial until March 16, 2026, then ¥" in said["text"]
    assert "¥300</td>" in said["html"]
    assert "<bdi>Noor شاي</bdi>" in said["html"]
