"""What a mail server is asked for, and what it may refuse."""

from __future__ import annotations

import pytest

from tests.emails.servers import PASSWORD, USER, Certificate, MailServer, only_our_user, serving, smtp
from tests.emails.waiting import make_email, states
from tests.factories import make_customer, make_sale
from tests.shops import Shop


def test_one_connection_carries_all_emails(shop: Shop, server: MailServer) -> None:
    for number in range(30):
        make_email(shop, f"reader{number}@example.com")

    done = shop("email send -o jsonl", env=smtp(server))

    assert done.code == 0, done.err
    assert {row["outcome"] for row in done.rows} == {"sent"}
    assert server.envelopes == [[f"reader{number}@example.com"] for number in range(30)]
    assert server.connections == 1
    assert set(states(shop)) == {"sent"}


def test_a_password_travels_over_starttls_with_a_certificate_that_is_checked(
    shop: Shop, certificate: Certificate
) -> None:
    make_email(shop)
    account = f"smtp://{USER}:p%40ss%2Fw%3Ard%3F@"
    with serving(
        tls_context=certificate.context(), require_starttls=True, authenticator=only_our_user, auth_required=True
    ) as server:
        distrusted = shop("email send -o json", env={"CSCTL_MAIL_URL": f"{account}{server.url}?tls=starttls"})
        trusted = shop(
            "email send", env={"CSCTL_MAIL_URL": f"{account}{server.url}?tls=starttls&cafile={certificate.file}"}
        )

    assert distrusted.code == 11
    assert "certificate" in distrusted.error["cause"]
    assert trusted.code == 0, trusted.err
    assert len(server.messages) == 1
    assert PASSWORD not in distrusted.err + trusted.err


def test_smtps_works_too(shop: Shop, certificate: Certificate) -> None:
    make_email(shop)
    with serving(ssl_context=certificate.context()) as server:
        done = shop("email send", env={"CSCTL_MAIL_URL": f"smtps://{server.url}?cafile={certificate.file}"})

    assert done.code == 0, done.err
    assert len(server.messages) == 1


def test_wrong_credentials_are_a_wrong_configuration_and_the_email_waits(shop: Shop) -> None:
    make_email(shop)
    with serving(authenticator=only_our_user, auth_require_tls=False) as server:
        done = shop("email send -o json", env={"CSCTL_MAIL_URL": f"smtp://{USER}:wr0ng-one@{server.url}"})

    assert (done.code, done.out) == (11, "")
    assert "wr0ng-one" not in done.err
    assert states(shop) == ["waiting"]


def test_a_server_without_the_starttls_that_was_asked_for_gets_nothing(shop: Shop, server: MailServer) -> None:
    make_email(shop)

    done = shop("email send", env={"CSCTL_MAIL_URL": f"smtp://{server.url}?tls=starttls"})

    assert done.code == 11
    assert server.messages == []


@pytest.mark.parametrize(
    "url",
    ["nonsense", "smtp:", "smtp://", "smtp://host:port", "smtp://h?tls=maybe", "smtp://h?x=1", "file:", "http://h"],
)
def test_a_mail_url_that_cannot_be_is_a_wrong_configuration(shop: Shop, url: str) -> None:
    make_email(shop)

    done = shop("email send", env={"CSCTL_MAIL_URL": url})

    assert (done.code, done.out) == (11, "")
    assert states(shop) == ["waiting"]


def test_a_password_is_never_sent_in_the_clear_to_another_machine(shop: Shop) -> None:
    make_email(shop)

    done = shop("email send", env={"CSCTL_MAIL_URL": "smtp://shop:geheim@mail.example.com"})

    assert done.code == 11
    assert "in the clear" in done.err
    assert "geheim" not in done.err


def test_an_address_beyond_ascii_is_written_to_a_file_as_it_is(shop: Shop) -> None:
    sale = make_sale(shop, customer=make_customer(shop, first_name="Zoë", email="stanisław@bücher.example"))

    done = shop(f"txn refund {sale} --yes")

    assert done.code == 0, done.err
    assert "not sent" not in done.err
    (file,) = shop.outbox.iterdir()
    assert "\r\nTo: stanisław@xn--bcher-kva.example\r\n".encode() in file.read_bytes()
    assert states(shop) == ["sent"]


def test_an_address_beyond_ascii_goes_to_a_server_that_offers_smtputf8(shop: Shop, server: MailServer) -> None:
    make_email(shop, "stanisław@example.com")
    make_email(shop, "jane@example.com")

    done = shop("email send", env=smtp(server))

    assert done.code == 0, done.err
    assert server.envelopes == [["stanisław@example.com"], ["jane@example.com"]]
    assert states(shop) == ["sent", "sent"]


def test_without_smtputf8_only_the_address_that_needs_it_fails_and_that_is_not_called_waiting(shop: Shop) -> None:
    sale = make_sale(shop, customer=make_customer(shop, email="stanisław@example.com"))
    make_email(shop, "jane@example.com")
    with serving(enable_SMTPUTF8=False) as server:
        refund = shop(f"txn refund {sale} --yes", env=smtp(server))
        rest = shop("email send", env=smtp(server))

    assert (refund.code, rest.code) == (0, 0)
    assert "SMTPUTF8" in refund.err
    assert "waits in the outbox" not in refund.err
    assert "csctl email send eml_2" in refund.err
    assert server.envelopes == [["jane@example.com"]]
    assert states(shop) == ["sent", "failed"]


def test_a_refused_email_is_reported_apart_from_those_that_wait(shop: Shop, server: MailServer) -> None:
    make_email(shop, "gone@example.com")
    make_email(shop, "greylisted@example.com")
    server.answer = lambda recipient: "550 no such person" if recipient.startswith("gone") else "451 later"

    done = shop("queue retry", env=smtp(server))

    assert "What was not sent waits in the outbox. To send it: csctl email send\n" in done.err
    assert "1 email has failed, and will not be sent unless it is named: csctl email send eml_1\n" in done.err
    assert states(shop) == ["failed", "waiting"]
