"""Emails leave once, at least, and nothing is lost on the way (domain rules, section 6)."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from csctl.services.emails import delivery
from tests.emails.servers import MailServer, chattering, smtp
from tests.emails.waiting import NOWHERE, html, make_email, states, text
from tests.factories import make_customer, make_sale
from tests.shops import Shop

LATER = "2026-03-02T09:06:00Z"  # when a lease of Monday at nine has ended


@pytest.fixture
def unreachable() -> dict[str, str]:
    """A mail server that is not there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return {"CSCTL_MAIL_URL": f"smtp://127.0.0.1:{port}"}


# -- into files


def test_a_refund_leaves_an_eml_file_that_only_its_owner_may_read(shop: Shop) -> None:
    sale = make_sale(shop, amount="19.99", customer=make_customer(shop, email="jane@example.com"))

    done = shop(f"txn refund {sale} --yes")

    assert done.code == 0, done.err
    (mail,) = shop.mails()
    assert mail["To"] == "jane@example.com"
    assert mail["Subject"].startswith("Your refund of $19.99 for order")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "refunded $19.99" in text(mail)
    assert "refunded <strong>$19.99" in html(mail)
    (file,) = shop.outbox.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert states(shop) == ["sent"]


def test_the_folder_is_made_if_it_is_not_there(shop: Shop) -> None:
    make_email(shop)

    done = shop("email send", env={"CSCTL_MAIL_URL": f"file:{shop.folder}/new/outbox"})

    assert done.code == 0, done.err
    assert [file.name for file in (shop.folder / "new" / "outbox").iterdir()] == ["eml_1.eml"]


def test_a_folder_that_cannot_be_written_is_a_wrong_configuration(shop: Shop) -> None:
    make_email(shop)
    (shop.folder / "a-file").touch()

    done = shop("email send -o json", env={"CSCTL_MAIL_URL": f"file:{shop.folder}/a-file/mail"})

    assert (done.code, done.out) == (11, "")
    assert done.error["code"] == "misconfigured"
    assert states(shop) == ["waiting"]


# -- what the server says


def test_a_recipient_refused_for_good_is_failed_and_can_be_sent_by_name_later(shop: Shop, server: MailServer) -> None:
    make_email(shop, "gone@example.com")
    make_email(shop, "there@example.com")
    server.answer = lambda recipient: "550 no such person" if recipient.startswith("gone") else "250 OK"

    done = shop("email send -o jsonl", env=smtp(server))

    assert done.code == 0, done.err
    assert [(row["outcome"], row["ok"]) for row in done.rows] == [("failed", False), ("sent", True)]
    assert states(shop) == ["failed", "sent"]
    assert "550 no such person" in shop("email show eml_1 -o json").json["error"]

    shop("email send", env=smtp(server))
    assert states(shop) == ["failed", "sent"]

    server.answer = lambda recipient: "250 OK"
    again = shop("email send eml_1", env=smtp(server))
    assert again.code == 0, again.err
    assert states(shop) == ["sent", "sent"]


def test_an_email_the_server_does_not_want_now_waits_and_stops_no_other(shop: Shop, server: MailServer) -> None:
    make_email(shop, "greylisted@example.com")
    make_email(shop, "there@example.com")
    server.answer = lambda recipient: "451 come back later" if recipient.startswith("grey") else "250 OK"

    done = shop("email send -o jsonl", env=smtp(server))

    assert done.code == 0, done.err
    assert [row["outcome"] for row in done.rows] == ["queued", "sent"]
    assert states(shop) == ["waiting", "sent"]

    server.answer = lambda recipient: "250 OK"
    shop("email send", env=smtp(server))
    assert states(shop) == ["sent", "sent"]


def test_an_email_sent_already_is_not_sent_by_name(shop: Shop, server: MailServer) -> None:
    make_email(shop)
    shop("email send", env=smtp(server))

    done = shop("email send eml_1 -o json", env=smtp(server))
    missing = shop("email send eml_2", env=smtp(server))

    assert done.code == 5
    assert missing.code == 4
    assert len(server.messages) == 1


# -- what goes wrong


def test_a_mail_server_that_is_down_fails_no_refund_and_loses_no_email(
    shop: Shop, server: MailServer, unreachable: dict[str, str]
) -> None:
    sale = make_sale(shop)

    refund = shop(f"txn refund {sale} --yes -o json", env=unreachable)
    still_down = shop("email send -o json", env=unreachable)
    up = shop("email send", env=smtp(server))

    assert (refund.code, refund.json[0]["outcome"]) == (0, "refunded")
    assert "waits in the outbox" in refund.err
    assert "csctl email send" in refund.err
    assert (still_down.code, still_down.out) == (8, "")
    assert up.code == 0, up.err
    assert len(server.messages) == 1
    assert states(shop) == ["sent"]


def test_without_a_mail_server_email_waits_and_says_so_in_one_breath(shop: Shop) -> None:
    sale = make_sale(shop)

    refund = shop(f"txn refund {sale} --yes", env=NOWHERE)
    send = shop("email send", env=NOWHERE)

    assert refund.code == 0
    assert "CSCTL_MAIL_URL is not set" in refund.err
    assert send.code == 11
    assert states(shop) == ["waiting"]


def test_a_server_that_goes_away_midway_keeps_none_of_the_rest(shop: Shop, server: MailServer) -> None:
    for _ in range(4):
        make_email(shop)
    server.answer = lambda recipient: "421 closing down" if server.messages else "250 OK"

    done = shop("email send -o json", env=smtp(server))

    assert [row["outcome"] for row in done.json] == ["sent", "queued", "queued", "queued"]
    assert states(shop) == ["sent", "waiting", "waiting", "waiting"]


def test_an_email_that_the_server_hangs_up_on_holds_up_no_other(shop: Shop, server: MailServer) -> None:
    for name in ("first", "poison", "last"):
        make_email(shop, f"{name}@example.com")
    server.hangs_up = lambda message: message["To"] == "poison@example.com"

    done = shop("email send -o json", env=smtp(server))

    assert (done.code, [row["outcome"] for row in done.json]) == (0, ["sent", "queued", "sent"])
    assert states(shop) == ["sent", "waiting", "sent"]

    server.hangs_up = lambda _message: False
    shop("email send", env=smtp(server))
    assert server.ids == [f"<{number}@shop.example>" for number in (1, 2, 3, 2)], "of the event, also when repeated"
    assert states(shop) == ["sent"] * 3


def test_a_server_that_hangs_up_on_everything_is_left_alone(shop: Shop, server: MailServer) -> None:
    for _ in range(5):
        make_email(shop)
    server.hangs_up = lambda _message: True

    done = shop("email send -o json", env=smtp(server))

    assert done.code == 8
    assert len(server.messages) == 3
    assert states(shop) == ["waiting"] * 5


def test_a_server_that_ends_the_connection_after_each_message_gets_them_all(shop: Shop, server: MailServer) -> None:
    for _ in range(5):
        make_email(shop)
    server.ends_connections = True

    done = shop("email send -o json", env=smtp(server))

    assert (done.code, [row["outcome"] for row in done.json]) == (0, ["sent"] * 5), done.err
    assert len(set(server.ids)) == len(server.ids) == server.connections == 5


@pytest.mark.parametrize("lines", ["none", "endless", "endless after the greeting"])
def test_a_refund_waits_for_a_slow_mail_server_only_so_long(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    """Each line comes well within the time-out of one read: only the total says that it takes too long."""
    monkeypatch.setattr(delivery, "_AFTER_A_COMMAND", 0.5)
    sales = [make_sale(shop) for _ in range(3)]
    greeting = [b"220 ready\r\n"] if lines.endswith("greeting") else []
    code = b"250" if greeting else b"220"
    said = () if lines == "none" else itertools.chain(greeting, slowly(code + b"-wait\r\n"))
    with chattering(said) as address:
        refund = shop(f"txn refund {' '.join(sales)} --yes -o json", env={"CSCTL_MAIL_URL": f"smtp://{address}"})

    assert (refund.code, [row["outcome"] for row in refund.json]) == (0, ["refunded"] * 3), refund.err
    assert "takes too long" in refund.err
    assert "csctl email send" in refund.err
    assert states(shop) == ["waiting"] * 3


def slowly(line: bytes) -> Iterator[bytes]:
    """The same line again and again, for longer than any test."""
    for _ in range(600):
        time.sleep(0.05)
        yield line


def test_a_full_disk_leaves_no_half_written_email(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    done = shop(f"txn refund {make_sale(shop)} --yes")

    assert done.code == 0
    assert "No space left on device" in done.err
    assert list(shop.outbox.iterdir()) == []
    assert states(shop) == ["waiting"]


def test_an_email_sent_but_not_marked_is_sent_again_with_the_same_message_id(shop: Shop, server: MailServer) -> None:
    """The process is killed after the server has the message, and before csctl knows."""
    make_email(shop)
    process = shop.start("email send", env=smtp(server))
    server.taken = lambda _message: os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert states(shop) == ["sending"]
    server.taken = lambda _message: None

    at_once = shop("email send -o json", env=smtp(server))
    assert at_once.json == []

    later = shop("email send", at=LATER, env=smtp(server))
    assert later.code == 0, later.err
    assert server.ids == ["<1@shop.example>"] * 2
    assert str(server.messages[0]) == str(server.messages[1])
    assert states(shop) == ["sent"]


def test_a_sender_that_gets_sigterm_releases_the_rest_at_once(shop: Shop, server: MailServer) -> None:
    for _ in range(3):
        make_email(shop)
    process = shop.start("email send", env=smtp(server))

    def stop(_message: object) -> None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)

    server.taken = stop
    assert process.wait(timeout=60) == 143
    server.taken = lambda _message: None
    assert states(shop).count("sending") <= 1

    shop("email send", at=LATER, env=smtp(server))
    assert states(shop) == ["sent"] * 3


@pytest.mark.both_databases
def test_two_senders_at_once_send_each_email_once(shop: Shop, server: MailServer) -> None:
    for number in range(60):
        make_email(shop, f"reader{number}@example.com")
    server.taken = lambda _message: time.sleep(0.01)

    both = [shop.start("email send", env=smtp(server)) for _ in range(2)]
    codes = [process.wait(timeout=60) for process in both]

    assert codes == [0, 0]
    assert sorted(server.ids) == sorted(f"<{number}@shop.example>" for number in range(1, 61))
    assert server.connections == 2, "one of them did all the work, so the test tests nothing"
    assert states(shop) == ["sent"] * 60


def test_a_dry_run_sends_nothing_and_changes_nothing(shop: Shop, server: MailServer) -> None:
    make_email(shop)

    done = shop("email send --dry-run -o json", env=smtp(server))

    assert (done.code, done.json[0]["outcome"], done.json[0]["dry_run"]) == (0, "sent", True)
    assert server.messages == []
    assert states(shop) == ["waiting"]


def test_ids_from_an_empty_pipe_send_nothing(shop: Shop, server: MailServer) -> None:
    make_email(shop)

    done = shop("email send -", env=smtp(server))

    assert done.code == 0
    assert server.messages == []


def test_a_sent_email_and_a_failed_one_write_an_audit_row_each(shop: Shop, server: MailServer) -> None:
    make_email(shop, "gone@example.com")
    make_email(shop)
    server.answer = lambda recipient: "550 no" if recipient.startswith("gone") else "250 OK"

    shop("email send", env=smtp(server), as_="service")

    trail = shop.sql("SELECT command, target, outcome FROM audit WHERE target LIKE 'eml%' ORDER BY id")
    assert [tuple(row.values()) for row in trail] == [
        ("email send", "eml_1", "failed"),
        ("email send", "eml_2", "sent"),
    ]
