"""Calling customers."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.customers.manager import SECRET, Manager, running
from tests.factories import make_customer
from tests.selection import on_sqlite, one_database
from tests.shops import Shop

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "phone-switch"


@contextmanager
def telephone_system(status: int) -> Iterator[tuple[int, list[bytes]]]:
    """A web service that answers with this status: its port, and the bodies that it was sent."""
    heard: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port, heard
        server.shutdown()
        thread.join()


def calls_of(shop: Shop, customer: str) -> list[str]:
    """The calls in a customer's history, newest first."""
    rows = shop(f"customer history {customer} --all -o json").json
    return [row["text"] for row in rows if row["kind"] == "call"]


def test_without_a_switch_the_agent_gets_a_link_to_click(shop: Shop) -> None:
    customer = make_customer(shop, phone="+493012345678")

    done = shop(f"customer call {customer}", as_="agent")

    assert done.code == 0
    assert "tel:+493012345678" in done.out
    assert calls_of(shop, customer) == ["called +493012345678: given to the agent to dial"]
    trail = shop(f"audit list --target {customer} -o json").json
    assert [(row["command"], row["outcome"]) for row in trail] == [("customer call", "sent")]


def test_another_number_can_be_called_however_it_is_written(shop: Shop) -> None:
    customer = make_customer(shop, phone=None)

    done = shop(f"customer call {customer} --number '+49 (30) 123-456.78' -o json")

    assert done.json[0]["uri"] == "tel:+493012345678"
    assert shop(f"customer call {customer}").code == 5


def test_a_dry_run_makes_no_call(shop: Shop) -> None:
    customer = make_customer(shop)

    with running(Manager()) as manager:
        done = shop(f"customer call {customer} --dry-run -o json", env={"CSCTL_PHONE_SWITCH": manager.url()})

    assert done.json[0]["dry_run"] is True
    assert manager.heard == []
    assert calls_of(shop, customer) == []


def test_asterisk_rings_the_agent_and_then_dials_the_customer(shop: Shop) -> None:
    customer = make_customer(shop, phone="+493012345678")

    with running(Manager()) as manager:
        done = shop(f"customer call {customer} -o json", as_="agent", env={"CSCTL_PHONE_SWITCH": manager.url()})

    assert (done.code, done.json[0]["outcome"]) == (0, "sent")
    login, originate, logoff = manager.heard
    assert (login["username"], login["secret"]) == ("csctl", SECRET)
    assert originate["channel"] == "SIP/1001"
    assert (originate["context"], originate["exten"]) == ("from-internal", "+493012345678")
    assert logoff["action"] == "Logoff"
    assert calls_of(shop, customer) == ["called +493012345678: the agent's phone answered, and the number was dialled"]


def test_a_dialplan_that_knows_no_plus_gets_what_it_knows(shop: Shop) -> None:
    customer = make_customer(shop, phone="+493012345678")

    with running(Manager()) as manager:
        shop(f"customer call {customer}", env={"CSCTL_PHONE_SWITCH": manager.url(more="&plus=00")})

    assert manager.heard[1]["exten"] == "00493012345678"


@one_database
@pytest.mark.parametrize("code", ["*21*03012345#", "##002#", "*100"])
def test_a_service_code_is_dialled_only_if_the_agent_typed_it(shop: Shop, code: str) -> None:
    customer = make_customer(shop, phone=code)

    stored = shop(f"customer call {customer} -o json")
    typed = shop("customer", "call", customer, "--number", code, "-o", "json")

    assert stored.code == 2
    assert "service code" in stored.error["message"]
    assert typed.json[0]["number"] == code


@pytest.mark.parametrize(
    "number",
    [
        "123\r\nAction: Command\r\nCommand: core stop now",
        "123\n\nAction: Originate",
        "123&SIP/666",
        "123@evil-context",
        "123;wait",
        "${SHELL(reboot)}",
        "tel:123",
        "٣٤٥٦",
        "",
    ],
)
def test_nothing_but_a_telephone_number_reaches_the_switch(shop: Shop, number: str) -> None:
    customer = make_customer(shop, phone=number)

    with running(Manager()) as manager:
        done = shop(f"customer call {customer}", env={"CSCTL_PHONE_SWITCH": manager.url()})
        typed = shop("customer", "call", customer, "--number", number or " ", env={"CSCTL_PHONE_SWITCH": manager.url()})

    assert manager.heard == []
    assert (done.code, typed.code) == (2 if number else 5, 2)


def test_wrong_credentials_are_a_matter_of_configuration_and_stay_secret(shop: Shop) -> None:
    customer = make_customer(shop)

    with running(Manager()) as manager:
        env = {"CSCTL_PHONE_SWITCH": manager.url(secret="guessed-wrong")}
        done = shop(f"customer call {customer} --debug -o json", env=env)

    assert done.code == 11
    assert "refuses these credentials" in done.error["message"]
    assert "guessed-wrong" not in done.out + done.err
    assert calls_of(shop, customer) == []


def test_a_switch_that_is_not_there_is_unreachable_and_nothing_is_kept(shop: Shop) -> None:
    customer = make_customer(shop)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        env = {"CSCTL_PHONE_SWITCH": Manager(port=unused.getsockname()[1]).url()}

        done = shop(f"customer call {customer}", env=env)

    assert done.code == 8
    assert SECRET not in done.err
    assert calls_of(shop, customer) == []


def test_another_service_on_that_port_is_not_a_switch(shop: Shop) -> None:
    customer = make_customer(shop)

    with running(Manager(greeting="220 mail.example.com ESMTP")) as manager:
        done = shop(f"customer call {customer}", env={"CSCTL_PHONE_SWITCH": manager.url()})

    assert (done.code, manager.heard) == (8, [])


def test_a_call_that_the_switch_refuses_is_in_the_history_with_its_reason(shop: Shop) -> None:
    customer = make_customer(shop, phone="+493012345678")

    with running(Manager(originate=["Response: Error", "Message: Originate failed"])) as manager:
        done = shop(f"customer call {customer} -o json", env={"CSCTL_PHONE_SWITCH": manager.url()})

    assert (done.code, done.json[0]["outcome"]) == (12, "failed")
    assert calls_of(shop, customer) == [
        "called +493012345678: the phone switch did not place the call: Originate failed"
    ]
    trail = shop(f"audit list --target {customer} --command 'customer call' -o json").json
    assert [row["outcome"] for row in trail] == ["failed"]


def test_a_user_who_may_not_originate_is_a_matter_of_configuration(shop: Shop) -> None:
    customer = make_customer(shop)

    with running(Manager(originate=["Response: Error", "Message: Permission denied"])) as manager:
        done = shop(f"customer call {customer}", env={"CSCTL_PHONE_SWITCH": manager.url()})

    assert done.code == 11


def test_a_lost_answer_is_an_unknown_outcome_because_the_phone_may_ring(shop: Shop) -> None:
    customer = make_customer(shop)

    with running(Manager(originate=None)) as manager:
        done = shop(f"customer call {customer} -o json", env={"CSCTL_PHONE_SWITCH": manager.url()})

    assert (done.code, done.json[0]["outcome"]) == (9, "unknown")
    assert len(calls_of(shop, customer)) == 1


@on_sqlite
@pytest.mark.parametrize(
    "url",
    [
        "asterisk://host?extension=SIP/1",
        "asterisk://user:topsecret@host",
        "asterisk://user:topsecret@host?extension=SIP/1&tls=perhaps",
        "asterisk://user:topsecret@host?extension=SIP/1&ring=never",
        "asterisk://user:topsecret@host?extension=SIP/1&colour=red",
        "asterisk://user:topsecret@host:99999?extension=SIP/1",
        "asterisk://user:topsecret%0d%0aAction@host?extension=SIP/1",
        "skype:topsecret",
    ],
)
def test_a_url_that_cannot_be_is_refused_without_being_shown(shop: Shop, url: str) -> None:
    customer = make_customer(shop)

    done = shop(f"customer call {customer} --debug", env={"CSCTL_PHONE_SWITCH": url})

    assert done.code == 11
    assert "topsecret" not in done.out + done.err


@on_sqlite
def test_the_plugin_of_the_documentation_works_once_it_is_installed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The folder is copied because building a package writes into its source.
    site = tmp_path / "site"
    source = tmp_path / "source"
    source.mkdir()
    for file in EXAMPLE.iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(source)], check=True)
    monkeypatch.syspath_prepend(site)
    customer = make_customer(shop, phone="+493012345678")

    with telephone_system(204) as (port, heard):
        env = {"CSCTL_PHONE_SWITCH": f"clicktocall://KEY@127.0.0.1:{port}/dial?extension=1001&tls=off"}
        done = shop(f"customer call {customer} -o json", env=env)
    with telephone_system(403) as (port, _):
        env = {"CSCTL_PHONE_SWITCH": f"clicktocall://KEY@127.0.0.1:{port}/dial?extension=1001&tls=off"}
        refused = shop(f"customer call {customer} -o json", env=env)

    assert (done.code, done.json[0]["outcome"]) == (0, "sent")
    assert heard == [b'{"extension": "1001", "number": "+493012345678", "operator": "admin"}']
    assert calls_of(shop, customer) == ["called +493012345678: extension 1001 rings, then the number is dialled"]
    assert refused.code == 11
