"""Where settings come from, and what is kept from being printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from csctl.settings import mask, mask_all
from tests.running import Done
from tests.shops import Shop

Csctl = Callable[..., Done]
_PASSWORD = "p${HOME}w$ord"


def value_of(done: Done, name: str) -> dict[str, object]:
    """The row of `config show` for a variable."""
    assert done.code == 0, done.err
    found: dict[str, object] = next(row for row in done.json if row["name"] == name)
    return found


def write_env(text: str, path: Path | None = None, mode: int = 0o600) -> Path:
    path = path or Path(".env")
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_anything_set_the_database_is_in_the_users_data_directory(csctl: Csctl) -> None:
    row = value_of(csctl("config show -o json"), "CSCTL_DATABASE_URL")

    assert row["origin"] == "default"
    assert str(row["value"]).startswith("sqlite:////")
    assert str(row["value"]).endswith("csctl.db")


def test_an_option_goes_before_the_environment_and_that_before_the_file(csctl: Csctl) -> None:
    write_env("CSCTL_DATABASE_URL=sqlite:///file.db\n")
    from_file = csctl("config show -o json")
    from_environment = csctl("config show -o json", env={"CSCTL_DATABASE_URL": "sqlite:///environment.db"})
    from_option = csctl(
        "--database sqlite:///option.db config show -o json", env={"CSCTL_DATABASE_URL": "sqlite:///environment.db"}
    )

    assert [value_of(done, "CSCTL_DATABASE_URL") for done in (from_file, from_environment, from_option)] == [
        {"name": "CSCTL_DATABASE_URL", "value": "sqlite:///file.db", "origin": ".env"},
        {"name": "CSCTL_DATABASE_URL", "value": "sqlite:///environment.db", "origin": "environment"},
        {"name": "CSCTL_DATABASE_URL", "value": "sqlite:///option.db", "origin": "option"},
    ]


def test_another_file_can_be_named_and_then_dot_env_is_not_read(csctl: Csctl, tmp_path: Path) -> None:
    write_env("CSCTL_DATABASE_URL=sqlite:///here.db\n")
    other = write_env("CSCTL_MAIL_URL=file:/mail\n", tmp_path / "shop.env")
    done = csctl(f"--env-file {other} config show -o json")

    assert value_of(done, "CSCTL_MAIL_URL") == {
        "name": "CSCTL_MAIL_URL",
        "value": "file:/mail",
        "origin": str(other),
    }
    assert value_of(done, "CSCTL_DATABASE_URL")["origin"] == "default"


def test_relative_paths_in_a_named_file_begin_at_its_folder(csctl: Csctl, tmp_path: Path) -> None:
    folder = tmp_path / "a shop"
    folder.mkdir()
    file = write_env(
        "CSCTL_DATABASE_URL=sqlite:///csctl.db\nCSCTL_GATEWAY_MAIN=sandbox:bank.db?lookup=off\n"
        "CSCTL_GATEWAY_EU=sandbox:/var/bank.db\nCSCTL_MAIL_URL=file:mail\nCSCTL_TEMPLATES_DIR=templates\n",
        folder / ".env",
    )
    made = csctl(f"--env-file '{file}' db init --admin jane --rehearsal -o json")
    token = {"CSCTL_TOKEN": made.json["token"]}
    adopted = csctl(f"--env-file '{file}' sandbox adopt", env=token)
    shown = csctl(f"--env-file '{file}' config show -o json")

    assert (made.code, adopted.code) == (0, 0), adopted.err
    assert {path.name for path in folder.iterdir()} >= {"csctl.db", "bank.db"}
    assert list(Path().iterdir()) == []
    assert value_of(shown, "CSCTL_GATEWAY_EU")["value"] == "sandbox:/var/bank.db"
    assert value_of(shown, "CSCTL_MAIL_URL")["value"] == f"file:{folder}/mail"
    assert value_of(shown, "CSCTL_TEMPLATES_DIR")["value"] == f"{folder}/templates"


def test_a_file_that_was_named_must_be_there(csctl: Csctl) -> None:
    done = csctl("--env-file nowhere.env config show -o json")

    assert done.code == 11
    assert "nowhere.env" in done.error["message"]


def test_dot_env_is_found_where_one_works_and_not_where_csctl_is(csctl: Csctl, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    write_env("CSCTL_MAIL_URL=file:mail\n", tmp_path / "elsewhere" / ".env")

    assert value_of(csctl("config show -o json"), "CSCTL_MAIL_URL")["value"] is None


def test_a_password_may_hold_a_dollar_and_a_brace(csctl: Csctl) -> None:
    from csctl.settings import load

    write_env(f"CSCTL_DATABASE_URL='postgresql+psycopg://jane:{_PASSWORD}@db/shop'\n")

    assert _PASSWORD in load({}).database_url


@pytest.mark.parametrize(
    "secret",
    [
        "CSCTL_TOKEN=csctl_abc",
        "CSCTL_DATABASE_URL=postgresql+psycopg://jane:hunter2@db/shop",
        "CSCTL_MAIL_URL=smtp://jane:hunter2@mail:587",
        "CSCTL_MAIL_URL=smtp://jane@example.com:hunter2@mail:587?tls=starttls",
        "CSCTL_PHONE_SWITCH=asterisk:jane:hunter2",
        "CSCTL_GATEWAY_MAIN=stripe:sk_live_abc",
    ],
)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_with_secrets_that_others_can_read_is_refused(csctl: Csctl, secret: str, mode: int) -> None:
    write_env(f"{secret}\n", mode=mode)
    refused = csctl("config show -o json")
    Path(".env").chmod(0o600)
    accepted = csctl("config show -o json")

    assert refused.code == 11
    assert refused.error["fix"] == "chmod 600 .env"
    assert not any(word in refused.err for word in ("hunter2", "csctl_abc", "sk_live"))
    assert accepted.code == 0


def test_a_file_without_secrets_may_be_read_by_all(csctl: Csctl) -> None:
    Path("key").write_text("sk_test_abc")
    Path("key").chmod(0o600)
    write_env(
        "CSCTL_DATABASE_URL=sqlite:///shop.db\nCSCTL_GATEWAY_MAIN=sandbox:bank.db\nCSCTL_TOKEN=\n"
        f"CSCTL_GATEWAY_EU=stripe:@{Path('key').absolute()}\nCSCTL_NOW=2026-03-01T09:00:00Z\n",
        mode=0o644,
    )

    assert csctl("config show").code == 0


def test_config_show_prints_no_secrets(csctl: Csctl) -> None:
    env = {
        "CSCTL_TOKEN": "csctl_hunter2",
        "CSCTL_DATABASE_URL": "postgresql+psycopg://jane:hunter2@db/shop",
        "CSCTL_MAIL_URL": "smtps://jane:hunter2@mail",
        "CSCTL_GATEWAY_MAIN": "stripe:hunter2",
        "CSCTL_GATEWAY_EU": "nmi:hunter2?lookup=on",
        "CSCTL_PHONE_SWITCH": "asterisk:jane?secret=hunter2&host=pbx",
    }
    for format_ in ("table", "json", "jsonl", "csv"):
        done = csctl(f"config show -o {format_}", env=env)

        assert done.code == 0
        assert "hunter2" not in done.out + done.err
        assert "jane:***@db" in done.out


@pytest.mark.parametrize("name", [".env", "csctl/token"])
def test_a_file_that_is_not_text_is_a_configuration_error_that_names_it(
    csctl: Csctl, tmp_path: Path, name: str
) -> None:
    file = Path(name) if name == ".env" else tmp_path / "home" / "config" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"CSCTL_TOKEN=\xff\n")
    file.chmod(0o600)

    done = csctl("config show -o json")

    assert done.code == 11
    assert str(file) in done.error["message"]


@pytest.mark.parametrize("url", ["postgresql+psycopg://jane:hunter2", "postgresql+psycopg://j@x:hunter2@h:port/db"])
def test_a_database_url_that_cannot_be_is_a_configuration_error_and_not_repeated(csctl: Csctl, url: str) -> None:
    shown = [csctl(words, env={"CSCTL_DATABASE_URL": url}) for words in ("whoami --debug", "config show")]

    assert [done.code for done in shown] == [11, 0]
    assert "hunter2" not in "".join(done.out + done.err for done in shown)


def test_gateways_are_named_after_their_variable(csctl: Csctl) -> None:
    done = csctl("config show -o json", env={"CSCTL_GATEWAY_EU": "sandbox:eu.db?latency_ms=5"})

    assert value_of(done, "CSCTL_GATEWAY_EU")["value"] == "sandbox:eu.db?latency_ms=5"


def test_an_invalid_clock_is_a_configuration_error(csctl: Csctl) -> None:
    done = csctl("config show -o json", env={"CSCTL_NOW": "yesterday"})

    assert done.code == 11
    assert "CSCTL_NOW" in done.error["message"]


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://jane:s3cret@db:5432/shop", "postgresql://jane:***@db:5432/shop"),
        (
            "postgresql://jane@db/shop?password=s3cret&sslmode=require",
            "postgresql://jane@db/shop?password=***&sslmode=require",
        ),
        ("postgresql://jane:s3:cr@et@db/shop", "postgresql://jane:***@db/shop"),
        ("postgresql:///shop?host=/run/pg", "postgresql:///shop?host=/run/pg"),
        ("smtp://:s3cret@mail", "smtp://:***@mail"),
        ("postgresql://jane:s3cret@[::1]:5432/shop", "postgresql://jane:***@[::1]:5432/shop"),
        ("postgresql://[::1]:5432/shop", "postgresql://[::1]:5432/shop"),
        ("postgresql://one:5432,two:5433/shop", "postgresql://one:5432,two:5433/shop"),
        ("smtp://me@example.com:s3cret@mail:587?tls=starttls", "smtp://me@example.com:***@mail:587?tls=starttls"),
        ("smtp://me@example.com@mail:587", "smtp://me@example.com@mail:587"),
        ("smtp://me:s3 cr\net@mail", "smtp://me:***@mail"),
        ("smtp://a/b:s3cret@mail", "smtp://a/b:***@mail"),
        ("postgresql+psycopg://jane:s3cret", "postgresql+psycopg://jane:***"),
        ("postgresql://db/shop?password=s3 cret", "postgresql://db/shop?password=***"),
        ("sqlite:///shop.db", "sqlite:///shop.db"),
        ("sqlite:///C:/shop.db", "sqlite:///C:/shop.db"),
        ("sqlite:////srv/jane@shop/c:x@shop.db", "sqlite:////srv/jane@shop/c:x@shop.db"),
        ("postgresql:/jane:s3cret@db/shop", "postgresql:/***@db/shop"),
        ("postgresql:jane:s3cret@db/shop", "postgresql:***@db/shop"),
        ("postgresql:///jane:s3cret@db/shop", "postgresql:///***@db/shop"),
        ("postgresql:////jane:s3cret@db/shop", "postgresql:////***@db/shop"),
        ("postgresql://jane%3As3cret@db/shop", "postgresql://***@db/shop"),
        ("postgresql;//jane:s3cret@db/shop", "postgresql;//jane:***@db/shop"),
        ("smtp//jane:s3cret@mail", "smtp//jane:***@mail"),
        ("smtp:jane:s3cret", "smtp:***"),
        ("jane:s3cret@db/shop", "jane:***@db/shop"),
        ("host=db user=jane password = s3 cret", "host=db user=jane password = ***"),
    ],
)
def test_passwords_in_urls_are_masked(url: str, masked: str) -> None:
    assert mask(url) == masked


def test_all_of_a_real_gateways_url_is_secret() -> None:
    assert mask_all("stripe:sk_live_abc", but="sandbox") == "stripe:***"
    assert mask_all("sandbox:/tmp/bank.db?lookup=off", but="sandbox") == "sandbox:/tmp/bank.db?lookup=off"


# -- the token file


def test_login_keeps_the_token_in_a_file_for_its_owner_alone(shop: Shop) -> None:
    done = shop("login -o json", as_=None, input=shop.token("agent") + "\n")
    file = Path.home() / "config" / "csctl" / "token"

    assert done.code == 0, done.err
    assert done.json["name"] == "agent"
    assert file.stat().st_mode & 0o777 == 0o600
    assert shop("whoami -o json", as_=None).json["name"] == "agent"
    assert shop.token("agent") not in done.out + done.err


def test_login_keeps_no_token_that_is_not_valid(shop: Shop) -> None:
    shop("login", as_=None, input=shop.token("agent"))
    done = shop("login -o json", as_=None, input="csctl_wrong\n")

    assert done.code == 6
    assert shop("whoami -o json", as_=None).json["name"] == "agent"


def test_a_token_file_that_others_can_read_is_refused(shop: Shop) -> None:
    shop("login", as_=None, input=shop.token("agent"))
    file = Path.home() / "config" / "csctl" / "token"
    file.chmod(0o644)
    done = shop("whoami -o json", as_=None)

    assert done.code == 11
    assert done.error["fix"] == f"chmod 600 {file}"


def test_the_environment_goes_before_the_token_file(shop: Shop) -> None:
    shop("login", as_=None, input=shop.token("agent"))

    assert shop("whoami -o json", as_="service").json["name"] == "service"


def test_the_token_is_asked_for_without_being_shown(shop: Shop) -> None:
    terminal = shop.terminal("login", as_=None)
    terminal.expect("Token")
    terminal.sendline(shop.token("agent"))
    terminal.expect("Your token is stored in")
    shown = terminal.before

    assert shop.token("agent") not in shown
    assert "agent" in shown
