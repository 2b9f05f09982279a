"""doctor: each thing that can be wrong is found, and comes with its fix."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.emails.servers import PASSWORD, USER, only_our_user, serving
from tests.emails.waiting import make_email
from tests.health.problems import Csctl, problems, warnings
from tests.postgres import Server
from tests.selection import on_postgresql, on_sqlite, one_database
from tests.shops import Shop

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
    "grants",
    "limits",
    "tokens",
    "sums",
    "search",
}


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


def test_all_is_well(healthy: Shop) -> None:
    done = healthy("doctor -o json")

    assert done.code == 0, done.out
    assert {row["check"] for row in done.json} == CHECKS
    assert all(row == {"check": row["check"], "status": "ok", "problem": None, "fix": None} for row in done.json)


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


@on_postgresql
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


def test_without_a_valid_token_nothing_is_reported(healthy: Shop) -> None:
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


@on_sqlite
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
    healthy.sql(
        "INSERT INTO gateway_accounts (name, kind, first_used_at) VALUES ('main', 'stripe', '2026-01-01 00:00:00')"
    )

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
