"""Databases that are not as they should be, each with its exit code and its fix; and how SQLite is configured."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pexpect
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from csctl import database, driver_errors
from csctl.errors import Busy, CsctlError, Misconfigured, NotPermitted, Unreachable
from csctl.models import Customer
from tests.factories import make_customer, make_sale, number
from tests.postgres import Server
from tests.running import Done, Terminal
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop

pytestmark = pytest.mark.both_databases

Csctl = Callable[..., Done]


def test_a_missing_sqlite_file_is_not_made_by_looking(csctl: Csctl, tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    done = csctl("customer search jane --output json", env={"CSCTL_DATABASE_URL": f"sqlite:///{missing}"})

    assert done.code == 11
    assert done.out == ""
    assert done.error["fix"] == "csctl db init --admin NAME"
    assert not missing.exists()


def test_a_database_that_csctl_never_set_up_says_how_to(csctl: Csctl, empty_database_url: str) -> None:
    if empty_database_url.startswith("sqlite"):
        Path(empty_database_url.removeprefix("sqlite:///")).touch()
    done = csctl("whoami -o json", env={"CSCTL_DATABASE_URL": empty_database_url, "CSCTL_TOKEN": "csctl_x"})

    assert done.code == 11
    assert done.error["fix"] == "csctl db init --admin NAME"


def test_init_makes_the_schema_and_an_administrator(csctl: Csctl, empty_database_url: str) -> None:
    env = {"CSCTL_DATABASE_URL": empty_database_url}
    made = csctl("db init --admin jane -o json", env=env).json
    who = csctl("whoami -o json", env={**env, "CSCTL_TOKEN": made["token"]})

    assert {key: made[key] for key in ("id", "name", "role")} == {"id": "opr_1", "name": "jane", "role": "admin"}
    assert {"id": "opr_1", "name": "jane", "role": "admin"}.items() <= who.json.items()


def test_init_sets_the_refund_limits_of_agents(csctl: Csctl, empty_database_url: str) -> None:
    env = {"CSCTL_DATABASE_URL": empty_database_url}
    limits = "--agent-refund-limit '50 USD' --agent-refund-limit '40 EUR'"
    assert csctl("db init --admin jane --agent-refund-limit 50", env=env).code == 2
    made = csctl(f"db init --admin jane {limits} -o json", env=env).json

    listed = csctl("setting list -o json", env={**env, "CSCTL_TOKEN": made["token"]}).json

    assert [row["value"] for row in listed if row["name"] == "agent-refund-limit"] == ["40.00 EUR", "50.00 USD"]


def test_init_asks_for_the_refund_limit_on_a_terminal(terminal: Callable[..., Terminal]) -> None:
    env = {"CSCTL_DATABASE_URL": "sqlite:///asked.db"}
    child = terminal("db init --admin jane -o name", env=env)
    child.expect("Refund limit of agents")
    child.sendline("50 USD")
    child.expect("opr_1")
    child.expect(pexpect.EOF)

    with closing(sqlite3.connect("asked.db")) as connection:
        assert connection.execute("SELECT name, value FROM settings").fetchall() == [
            ("agent-refund-limit:USD", "50.00 USD")
        ]


def test_init_leaves_a_database_alone_that_is_set_up(shop: Shop) -> None:
    done = shop("db init --admin mallory --rehearsal -o json")

    assert done.code == 5
    assert shop.sql("SELECT count(*) AS n FROM operators WHERE name = 'mallory'") == [{"n": 0}]


def test_init_without_a_name_for_the_administrator_makes_nothing(csctl: Csctl, empty_database_url: str) -> None:
    env = {"CSCTL_DATABASE_URL": empty_database_url}

    assert csctl("db", "init", "--admin", " ", env=env).code == 2
    assert csctl("db init --admin jane", env=env).code == 0


def test_an_interrupted_init_is_resumed(csctl: Csctl, shop: Shop) -> None:
    shop.sql("DELETE FROM installation")
    shop.sql("DELETE FROM operators")
    done = csctl("db init --admin jane -o json", env={"CSCTL_DATABASE_URL": shop.database_url})

    assert done.code == 0
    assert done.json["name"] == "jane"


@on_sqlite
def test_a_new_sqlite_file_is_its_owners_alone(csctl: Csctl, empty_database_url: str) -> None:
    csctl("db init --admin jane", env={"CSCTL_DATABASE_URL": empty_database_url})
    mode = Path(empty_database_url.removeprefix("sqlite:///")).stat().st_mode

    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://root@localhost/shop",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql+nodriver://localhost/shop",
        "oracle+nothing://x",
    ],
)
def test_a_url_of_another_kind_of_database_is_a_configuration_error(csctl: Csctl, url: str) -> None:
    done = csctl("whoami -o json", env={"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": "csctl_x"})

    assert done.code == 11, done.err
    assert done.error["fix"]


def test_a_file_that_is_not_a_database_is_a_configuration_error(csctl: Csctl, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Jane,\n" * 200)
    done = csctl("whoami -o json", env={"CSCTL_DATABASE_URL": f"sqlite:///{tmp_path}/letter.txt", "CSCTL_TOKEN": "x"})

    assert done.code == 11
    assert (tmp_path / "letter.txt").read_text().startswith("Dear Jane")


# -- PostgreSQL


@pytest.mark.postgres
def test_a_wrong_password_is_a_configuration_error_and_is_not_printed(csctl: Csctl, postgres: Server) -> None:
    url = postgres.url("postgres", user="picky:hunter2")
    done = csctl("whoami -o json --debug", env={"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": "csctl_x"})

    assert done.code == 11
    assert "CSCTL_DATABASE_URL" in done.error["fix"]
    assert "hunter2" not in done.err


@pytest.mark.postgres
def test_a_database_that_does_not_exist_is_a_configuration_error(csctl: Csctl, postgres: Server) -> None:
    done = csctl("whoami -o json", env={"CSCTL_DATABASE_URL": postgres.url("nowhere"), "CSCTL_TOKEN": "csctl_x"})

    assert done.code == 11


@pytest.mark.parametrize("host", ["127.0.0.1:9", "/nowhere", "shop.invalid:5432"])
def test_a_server_that_does_not_answer_is_unreachable(csctl: Csctl, host: str) -> None:
    place = f"{host}/shop" if ":" in host else f"/shop?host={host}"
    url = f"postgresql+psycopg://csctl:hunter2@{place}"
    done = csctl("whoami -o json", env={"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": "csctl_x"})

    assert done.code == 8, done.err
    assert "hunter2" not in done.err
    assert done.error["cause"].partition(": ")[2], "and the driver's reason is told"


@pytest.mark.postgres
@pytest.mark.parametrize("option", ["sslmod=require", "sslmode=requre"])
def test_options_of_the_url_that_are_not_understood_are_a_configuration_error(
    csctl: Csctl, postgres: Server, option: str
) -> None:
    url = postgres.url("postgres")
    url += ("&" if "?" in url else "?") + option
    done = csctl("whoami -o json", env={"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": "csctl_x"})

    assert done.code == 11, done.err


@on_postgresql
@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("55P03", Busy),
        ("40P01", Busy),
        ("40001", Busy),
        ("42501", NotPermitted),
        ("25006", Unreachable),
        ("53100", Unreachable),
    ],
)
def test_a_server_may_speak_any_language(shop: Shop, state: str, error: type[CsctlError]) -> None:
    engine = database.connect(shop.database_url)
    said = f"DO $$ BEGIN RAISE EXCEPTION 'Das geht hier nicht' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(error), driver_errors.translated(shop.database_url), engine.begin() as connection:
        connection.exec_driver_sql(said)
    engine.dispose()


@on_sqlite
def test_what_sqlite_refuses_to_write_is_known_by_its_code(shop: Shop) -> None:
    engine = database.connect(shop.database_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(Misconfigured, match="may not write"), driver_errors.translated(shop.database_url):
            connection.exec_driver_sql("DELETE FROM operators")
    engine.dispose()


# -- the clock


def test_the_clock_is_not_set_on_a_real_shop(csctl: Csctl, empty_database_url: str) -> None:
    env = {"CSCTL_DATABASE_URL": empty_database_url}
    env["CSCTL_TOKEN"] = csctl("db init --admin jane -o json", env=env).json["token"]
    done = csctl("whoami -o json", env={**env, "CSCTL_NOW": "2026-03-02T09:00:00Z"})

    assert csctl("whoami", env=env).code == 0
    assert done.code == 11
    assert done.error["fix"] == "unset CSCTL_NOW"


def test_a_real_shop_cannot_be_made_with_a_set_clock(csctl: Csctl, empty_database_url: str) -> None:
    env = {"CSCTL_DATABASE_URL": empty_database_url, "CSCTL_NOW": "2026-03-02T09:00:00Z"}
    done = csctl("db init --admin jane -o json", env=env)

    assert done.code == 11
    assert csctl("db init --admin jane --rehearsal", env=env).code == 0, "and nothing was made"


# -- locks


@contextmanager
def held(shop: Shop, statement: str, **values: object) -> Iterator[None]:
    """Another process is in the middle of a change."""
    engine = database.connect(shop.database_url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
        yield
    engine.dispose()


def test_a_lock_that_is_not_had_in_time_is_busy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_LOCK_WAIT_MS", 50)
    customer = make_customer(shop)
    with held(shop, "UPDATE customers SET last_name = 'Roe' WHERE id = :id", id=number(customer)):
        engine = database.connect(shop.database_url)
        with pytest.raises(Busy), driver_errors.translated(shop.database_url), engine.begin() as connection:
            connection.execute(text("UPDATE customers SET last_name = 'Poe'"))
        engine.dispose()

    assert shop.sql("SELECT last_name FROM customers") == [{"last_name": "Roe"}]


def test_reading_does_not_wait_for_the_change_of_another_process(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_LOCK_WAIT_MS", 50)
    customer = make_customer(shop)
    with held(shop, "UPDATE customers SET last_name = 'Roe' WHERE id = :id", id=number(customer)):
        done = shop("whoami")

    assert done.code == 0


# -- what the database itself refuses


@pytest.fixture
def engine(shop: Shop) -> Iterator[Engine]:
    found = database.connect(shop.database_url)
    yield found
    found.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "reserved = 2000",
        "refunded = 2000",
        "reserved = 1000, refunded = 1000",
        "refunded = -1",
        "reserved = 1, voided_at = created_at",
    ],
)
def test_the_database_refuses_a_reservation_beyond_the_sale(shop: Shop, change: str) -> None:
    sale = make_sale(shop, amount="19.99", adopt=False)
    with pytest.raises(IntegrityError):
        shop.sql(f"UPDATE transactions SET {change} WHERE id = {number(sale)}")  # noqa: S608 - the lines above


def test_foreign_keys_hold(shop: Shop) -> None:
    with pytest.raises(IntegrityError):
        make_sale(shop, order="ord_999", payment_method="pm_1", adopt=False)


@on_sqlite
def test_sqlite_is_configured_to_lose_nothing(engine: Engine) -> None:
    with engine.connect() as connection:
        configured = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert configured == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_errors_do_not_print_values(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises((OperationalError, StatementError)) as caught:
        connection.execute(text("SELECT * FROM nowhere WHERE email = :email"), {"email": "jane@example.com"})

    assert "jane@example.com" not in str(caught.value)


def test_times_come_back_in_utc_whatever_zone_they_were_given_in(shop: Shop) -> None:
    east = timezone(timedelta(hours=9))
    customer = make_customer(shop, created_at=datetime(2026, 3, 1, 8, 30, tzinfo=east))
    with shop.session() as session:
        found = session.get_one(Customer, number(customer)).created_at

    assert found == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


def test_a_time_without_an_offset_cannot_be_stored(shop: Shop) -> None:
    with pytest.raises(StatementError, match="without an offset"):
        make_customer(shop, created_at=datetime(2026, 3, 1, 8, 30))  # noqa: DTZ001 - that is the point


_LOG = """
import logging
from csctl import database
database.connect("postgresql+psycopg://nowhere")
for name in ("sqlalchemy.pool.impl.QueuePool", "psycopg"):
    logging.getLogger(name).error("Exception terminating connection")
"""


def test_what_the_pool_and_the_driver_log_is_not_printed() -> None:
    """A lost connection is csctl's to report, once and as the output format wants it."""
    ended = subprocess.run([sys.executable, "-c", _LOG], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
