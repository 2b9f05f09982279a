"""doctor: each thing that can be wrong is found, and comes with what mends it."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from csctl import search_index
from tests.emails.servers import PASSWORD, USER, only_our_user, serving
from tests.emails.waiting import make_email
from tests.factories import make_customer, make_notify_email, make_sale, make_transaction, number
from tests.postgres import Server
from tests.running import Done
from tests.shops import Shop

Csctl = Callable[..., Done]
one_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
HOSTS = ("127.0.0.1", "0.0.0.0")  # noqa: S104 - this host, as itself and as one that is not known to be
CHECKS = {
    "settings",
    "files",
    "database",
    "schema",
    "gateways",
    "mail",
    "moves",
    "notify",
    "transactions",
    "runs",
    "queue",
    "billing",
    "emails",
    "limits",
    "tokens",
    "sums",
    "search",
}


@pytest.fixture
def healthy(shop: Shop) -> Shop:
    """A shop in which all is well."""
    make_notify_email(shop)
    shop("setting set mail-from shop@example.com")
    shop("setting set agent-refund-limit '50 USD'")
    return shop


@contextmanager
def forwarded(path: Path) -> Iterator[int]:
    """A port of this host that leads to a socket, for as many connections as come."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(str(path))
                pairs = {self.request: there, there: self.request}
                while True:
                    for ready in select.select([*pairs], [], [])[0]:
                        if not (data := ready.recv(65536)):
                            return
                        pairs[ready].sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def problems(done: Done) -> dict[str, dict[str, Any]]:
    """What was found, by check."""
    assert done.code == 11, done.err
    return {row["check"]: row for row in done.json if row["status"] == "problem"}


def test_all_is_well(healthy: Shop) -> None:
    done = healthy("doctor -o json")

    assert done.code == 0, done.out
    assert {row["check"] for row in done.json} == CHECKS
    assert all(row == {"check": row["check"], "status": "ok", "problem": None, "fix": None} for row in done.json)


def warnings(shop: Shop, **more: Any) -> list[str]:
    """What doctor says that a shop may have meant so."""
    done = shop("doctor -o json", **more)
    assert done.code == 0, done.out
    return [row["problem"] for row in done.json if row["status"] == "warning"]


@one_database
def test_agents_without_a_limit_are_a_warning(healthy: Shop) -> None:
    healthy("setting unset agent-refund-limit")
    found = warnings(healthy)
    healthy("operator disable agent")

    assert len(found) == 1
    assert "agents have no refund limit" in found[0]
    assert warnings(healthy) == []


@one_database
def test_a_token_of_more_than_a_year_is_a_warning_until_it_is_replaced(healthy: Shop) -> None:
    later = "2027-01-01T09:00:00Z"
    assert warnings(healthy, at="2026-12-31T09:00:00Z") == []
    assert len(warnings(healthy, at=later)) == 3

    healthy("operator rotate-token agent", at=later)
    healthy("operator disable service", at=later)

    assert warnings(healthy, at=later) == ["the token of admin is more than a year old"]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_connection_that_others_on_the_network_can_read_is_a_warning(healthy: Shop, postgres: Server) -> None:
    with forwarded(postgres.directory / ".s.PGSQL.5432") as port:
        here, elsewhere = (f"{healthy.database_url.partition('?')[0]}?host={host}&port={port}" for host in HOSTS)
        found = warnings(healthy, env={"CSCTL_DATABASE_URL": elsewhere})

        assert len(found) == 1
        assert "not encrypted" in found[0]
        assert warnings(healthy, env={"CSCTL_DATABASE_URL": here}) == []


@pytest.mark.parametrize("role", ["agent", "service"])
def test_everybody_may_ask(healthy: Shop, role: str) -> None:
    assert healthy("doctor", as_=role).code == 0


def test_without_a_valid_token_nothing_is_told(healthy: Shop) -> None:
    assert healthy("doctor", as_=None).code == 6
    done = healthy("doctor -o json", as_=None, env={"CSCTL_TOKEN": "csctl_wrong"})

    assert done.code == 6
    assert done.out == ""


def test_a_new_shop_lacks_a_sender_and_notify_emails(shop: Shop) -> None:
    found = problems(shop("doctor -o json"))

    assert found.keys() == {"mail", "notify"}
    assert found["mail"]["fix"] == "csctl setting set mail-from ADDRESS"
    assert found["notify"]["fix"] == "csctl queue notify add EMAIL"


def test_a_missing_database_is_a_finding(csctl: Csctl, tmp_path: Path) -> None:
    done = csctl("doctor -o json", env={"CSCTL_DATABASE_URL": f"sqlite:///{tmp_path}/none.db"})

    assert problems(done)["database"]["fix"] == "csctl db init --admin NAME"
    assert not (tmp_path / "none.db").exists()


def test_a_server_that_does_not_answer_is_a_finding(csctl: Csctl) -> None:
    done = csctl("doctor -o json", env={"CSCTL_DATABASE_URL": "postgresql+psycopg://csctl:hunter2@/x?host=/nowhere"})

    assert "cannot be reached" in problems(done)["database"]["problem"]
    assert "hunter2" not in done.out + done.err


def test_an_old_schema_is_a_finding(healthy: Shop) -> None:
    healthy.sql("UPDATE alembic_version SET version_num = '0000'")

    assert problems(healthy("doctor -o json"))["schema"]["fix"] == "csctl db upgrade"


def test_settings_that_cannot_be_are_a_finding(healthy: Shop) -> None:
    found = problems(healthy("doctor -o json", env={"CSCTL_NOW": "yesterday"}))

    assert "CSCTL_NOW" in found["settings"]["problem"]


def test_a_file_with_secrets_that_others_can_read_is_a_finding(healthy: Shop) -> None:
    Path(".env").write_text("CSCTL_TOKEN=csctl_abc\n")
    Path(".env").chmod(0o644)

    assert problems(healthy("doctor -o json"))["settings"]["fix"] == "chmod 600 .env"


def test_a_token_file_that_others_can_read_is_a_finding_even_if_it_is_not_used(healthy: Shop) -> None:
    healthy("login", as_=None, input=healthy.token("agent"))
    (Path.home() / "config" / "csctl" / "token").chmod(0o640)

    assert problems(healthy("doctor -o json"))["files"]["fix"].startswith("chmod 600 ")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_database_file_that_others_can_read_is_a_finding(healthy: Shop) -> None:
    file = Path(healthy.database_url.removeprefix("sqlite:///"))
    file.chmod(0o644)

    assert problems(healthy("doctor -o json"))["files"]["fix"] == f"chmod 600 {file}"


def test_gateways_that_cannot_be_are_findings_and_none_is_remembered(healthy: Shop) -> None:
    before = healthy.sql("SELECT * FROM gateway_accounts")
    env = {"CSCTL_GATEWAY_MAIN": "", "CSCTL_GATEWAY_EU": "bank:of-nowhere"}
    found = problems(healthy("doctor -o json", env=env))

    assert "unknown gateway 'bank'" in found["gateways"]["problem"]
    assert healthy.sql("SELECT * FROM gateway_accounts") == before


def test_no_gateway_is_a_finding(healthy: Shop) -> None:
    found = problems(healthy("doctor -o json", env={"CSCTL_GATEWAY_MAIN": ""}))

    assert found["gateways"]["fix"] == "set CSCTL_GATEWAY_MAIN"


def test_an_account_of_another_kind_than_the_database_remembers_is_a_finding(healthy: Shop) -> None:
    healthy.sql("INSERT INTO gateway_accounts VALUES ('main', 'stripe', '2026-01-01 00:00:00')")

    assert "knows main as stripe" in problems(healthy("doctor -o json"))["gateways"]["problem"]


def test_an_account_that_sales_were_made_with_and_that_is_not_configured_is_a_finding(healthy: Shop) -> None:
    healthy.sql(
        "INSERT INTO gateway_accounts (name, kind, first_used_at) VALUES ('eu', 'sandbox', '2026-01-01 00:00:00')"
    )

    assert problems(healthy("doctor -o json"))["gateways"]["fix"] == "set CSCTL_GATEWAY_EU"


def test_a_sandbox_where_real_customers_are_is_a_finding(healthy: Shop) -> None:
    healthy.sql("UPDATE installation SET rehearsal = false")
    found = problems(healthy("doctor -o json", env={"CSCTL_NOW": ""}))

    assert "not a rehearsal" in found["gateways"]["problem"]


def test_no_mail_server_is_a_finding(healthy: Shop) -> None:
    found = problems(healthy("doctor -o json", env={"CSCTL_MAIL_URL": ""}))

    assert found["mail"]["fix"].startswith("set CSCTL_MAIL_URL")


def test_a_mail_server_that_cannot_be_is_a_finding(healthy: Shop) -> None:
    found = problems(healthy("doctor -o json", env={"CSCTL_MAIL_URL": "pigeon://roof"}))

    assert "CSCTL_MAIL_URL" in found["mail"]["problem"]


@pytest.mark.parametrize("url", ["sandbox:x.db?latencyms=5", "sandbox:/nowhere/x.db", "sandbox:/nowhere/x.db?rate=5/s"])
def test_a_gateway_that_cannot_be_opened_is_a_finding_that_names_its_variable(healthy: Shop, url: str) -> None:
    found = problems(healthy("doctor -o json", env={"CSCTL_GATEWAY_EU": url}))

    assert found.keys() == {"gateways"}
    assert found["gateways"]["problem"].startswith("CSCTL_GATEWAY_EU: ")
    assert found["gateways"]["fix"]


@pytest.mark.parametrize("name", ["CSCTL_DATABSE_URL", "CSCTL_TOKN", "CSCTL_MAIL"])
def test_a_variable_that_is_mistyped_is_a_finding_and_one_of_a_plugin_is_not(healthy: Shop, name: str) -> None:
    done = healthy("doctor -o json", env={name: "x", "CSCTL_CLICK_TO_CALL": "y", "CSCTL_OUTPUT": ""})

    assert [row["problem"].split()[0] for row in done.json if row["status"] != "ok"] == [name]


def test_a_template_of_ones_own_that_cannot_be_rendered_is_a_finding(healthy: Shop) -> None:
    folder = healthy.folder / "templates" / "refund"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("{{ nothing.of.the.kind }}")
    found = problems(healthy("doctor -o json", env={"CSCTL_TEMPLATES_DIR": str(folder.parent)}))

    assert found.keys() == {"mail"}
    assert "refund/body.txt" in found["mail"]["problem"]


def test_a_mail_server_is_asked_and_gets_no_mail(healthy: Shop) -> None:
    make_email(healthy)
    with serving(authenticator=only_our_user, auth_require_tls=False) as server:
        right = healthy("doctor", env={"CSCTL_MAIL_URL": f"smtp://{USER}:{quote(PASSWORD, safe='')}@{server.url}"})
        wrong = healthy("doctor -o json", env={"CSCTL_MAIL_URL": f"smtp://{USER}:hunter2@{server.url}"})
        no_tls = healthy("doctor -o json", env={"CSCTL_MAIL_URL": f"smtp://{server.url}?tls=starttls"})

    assert right.code == 0, right.out
    assert (server.connections >= 2, server.messages) == (True, [])
    assert "refuses user and password" in problems(wrong)["mail"]["problem"]
    assert "hunter2" not in wrong.out
    assert "does not offer" in problems(no_tls)["mail"]["problem"]


def test_a_mail_server_that_is_not_there_is_a_finding(healthy: Shop) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = problems(
            healthy("doctor -o json", env={"CSCTL_MAIL_URL": f"smtp://{':'.join(map(str, taken.getsockname()))}"})
        )

    assert "cannot be reached" in found["mail"]["problem"]
    assert "CSCTL_MAIL_URL" in found["mail"]["fix"]


def test_a_folder_that_mail_cannot_go_into_is_a_finding_and_none_is_made(healthy: Shop) -> None:
    (healthy.folder / "a-file").touch()
    found = problems(healthy("doctor -o json", env={"CSCTL_MAIL_URL": f"file:{healthy.folder}/a-file/mail"}))
    new = healthy("doctor", env={"CSCTL_MAIL_URL": f"file:{healthy.folder}/new/mail"})

    assert "cannot be written" in found["mail"]["problem"]
    assert new.code == 0, new.out
    assert not (healthy.folder / "new").exists()


def test_unknown_outcomes_are_a_finding_that_names_them(healthy: Shop) -> None:
    sale = make_sale(healthy, adopt=False)
    refund = make_transaction(healthy, "refund", "unknown", "5.00", parent=sale)
    healthy.sql("UPDATE transactions SET reserved = 500 WHERE id = :id", id=number(sale))
    found = problems(healthy("doctor -o json"))

    assert found.keys() == {"transactions"}
    assert found["transactions"]["problem"] == f"1 transaction without a known outcome: {refund}"
    assert found["transactions"]["fix"] == "csctl txn reconcile"


def test_what_a_dead_worker_left_is_a_finding_once_its_lease_is_over(healthy: Shop) -> None:
    sale = make_sale(healthy, adopt=False)
    make_transaction(healthy, "refund", "sent", "5.00", parent=sale, lease_until="2026-03-02T09:05:00Z")
    healthy.sql("UPDATE transactions SET reserved = 500 WHERE id = :id", id=number(sale))
    during = healthy("doctor", at="2026-03-02T09:04:00Z")
    after = healthy("doctor -o json", at="2026-03-02T09:06:00Z")

    assert during.code == 0
    assert "process that ended" in problems(after)["transactions"]["problem"]


def queued(shop: Shop) -> None:
    """An item that is due on 3 March."""
    sale = make_sale(shop, adopt=False)
    refund = make_transaction(shop, "refund", "declined", "5.00", parent=sale)
    shop.sql(
        """INSERT INTO refund_queue (sale_id, origin_id, order_id, customer_id, amount, currency, state, attempts,
               next_attempt_on, send_email, created_at)
           SELECT id, :refund, order_id, 1, 500, 'USD', 'queued', 0, '2026-03-03', true, '2026-03-02 09:00:00'
           FROM transactions WHERE id = :sale""",
        sale=number(sale),
        refund=number(refund),
    )
    shop.sql("UPDATE transactions SET reserved = 500 WHERE id = :id", id=number(sale))


def test_a_refund_that_was_due_before_today_means_that_cron_does_not_run(healthy: Shop) -> None:
    queued(healthy)
    on_its_day = healthy("doctor", at="2026-03-03T23:59:00Z")
    on_the_next = healthy("doctor -o json", at="2026-03-04T00:00:00Z")

    assert on_its_day.code == 0, on_its_day.out
    assert problems(on_the_next)["queue"]["fix"] == "csctl queue retry"


def test_an_email_that_waits_for_over_an_hour_is_a_finding(healthy: Shop) -> None:
    healthy.sql(
        """INSERT INTO emails (kind, recipient, message_id, context, state, attempts, created_at)
           VALUES ('welcome', 'jane@example.com', '<1@example.com>', '{}', 'waiting', 0, '2026-03-02 08:00:00')"""
    )
    soon = healthy("doctor", at="2026-03-02T08:59:00Z")
    late = healthy("doctor -o json", at="2026-03-02T09:01:00Z")

    assert soon.code == 0
    assert problems(late)["emails"]["fix"] == "csctl email send"


def test_an_email_that_failed_is_a_finding_for_a_week(healthy: Shop) -> None:
    healthy.sql(
        """INSERT INTO emails (kind, recipient, message_id, context, state, attempts, created_at)
           VALUES ('welcome', 'jane@example.com', '<1@example.com>', '{}', 'failed', 1, '2026-03-02 08:00:00')"""
    )
    found = problems(healthy("doctor -o json"))
    later = healthy("doctor", at="2026-03-09T09:00:00Z")

    assert found["emails"] == {
        "check": "emails",
        "status": "problem",
        "problem": "1 email of the last 7 days failed",
        "fix": "csctl email list --state failed",
    }
    assert later.code == 0, later.out


def test_sums_that_do_not_add_up_are_a_finding(healthy: Shop) -> None:
    sale = make_sale(healthy, adopt=False)
    healthy.sql("UPDATE transactions SET refunded = 100 WHERE id = :id", id=number(sale))
    found = problems(healthy("doctor -o json"))
    checked = healthy("db check -o json")

    assert sale in found["sums"]["problem"]
    assert checked.code == 5
    assert checked.json[0]["target"] == sale


@pytest.mark.postgres
def test_a_wrong_password_is_a_finding(csctl: Csctl, postgres: Server) -> None:
    url = postgres.url("postgres", user="picky:hunter2")
    done = csctl("doctor -o json", env={"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": "csctl_x"})

    assert "credentials" in problems(done)["database"]["problem"]
    assert "hunter2" not in done.out + done.err


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_missing_index_of_search_is_found_and_db_upgrade_builds_it(healthy: Shop) -> None:
    make_customer(healthy, last_name="Roe")
    with healthy.session() as session:
        search_index.drop(session.connection())
    missing = healthy("doctor -o json")
    assert healthy("db upgrade").code == 0

    assert problems(missing)["search"]["fix"] == "csctl db upgrade"
    assert healthy("doctor -o json").code == 0
    assert len(healthy.sql("SELECT rowid FROM customer_search WHERE customer_search MATCH 'roe'")) == 1


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_large_shop_needs_trigrams(healthy: Shop) -> None:
    last = make_customer(healthy)
    assert healthy("doctor -o json").code == 0
    healthy.sql("UPDATE customers SET id = 50001 WHERE id = :id", id=number(last))

    assert "pg_trgm" in problems(healthy("doctor -o json"))["search"]["fix"]
