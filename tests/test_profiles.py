"""Profiles: several shops on one host, which never mix; and where an operator is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import running
from tests.factories import make_sale
from tests.running import Done
from tests.selection import on_sqlite
from tests.shops import Shop

Csctl = Callable[..., Done]


@pytest.fixture(scope="module")
def initialized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database, and the token of its administrator."""
    file = tmp_path_factory.mktemp("initialized") / "other.db"
    made = running.run("db init --admin olga --rehearsal -o json", env={"CSCTL_DATABASE_URL": f"sqlite:///{file}"})
    assert made.code == 0, made.err
    return file, made.json["token"]


@pytest.fixture
def other(shop: Shop, initialized: tuple[Path, str], tmp_path: Path) -> dict[str, str]:
    """A second shop: its database, and the token of its administrator."""
    file, token = initialized
    return {"url": f"sqlite:///{shutil.copy(file, tmp_path)}", "token": token}


@pytest.fixture
def two(shop: Shop, other: dict[str, str], csctl: Csctl) -> Csctl:
    """csctl with two profiles, tea and coffee, logged in to both."""
    for name, url, token in (
        ("tea", shop.env["CSCTL_DATABASE_URL"], shop.token("agent")),
        ("coffee", other["url"], other["token"]),
    ):
        assert csctl(f"profile add {name} --database {url} --label '{name.title()} shop'").code == 0
        logged_in = csctl(f"--profile {name} login", input=token + "\n")
        assert logged_in.code == 0, logged_in.err
    return csctl


@on_sqlite
def test_two_shops_on_one_host_never_mix(two: Csctl) -> None:
    for _ in range(2):
        tea, coffee = two("--profile tea whoami -o json").json, two("--profile coffee whoami -o json").json
        assert (tea["name"], tea["profile"]) == ("agent", "tea")
        assert (coffee["name"], coffee["profile"]) == ("olga", "coffee")
        assert tea["database"] != coffee["database"]


@on_sqlite
def test_the_environment_chooses_a_profile_and_the_option_another(two: Csctl) -> None:
    env = {"CSCTL_PROFILE": "coffee"}

    assert two("whoami -o json", env=env).json["name"] == "olga"
    assert two("--profile tea whoami -o json", env=env).json["name"] == "agent"


@on_sqlite
def test_the_first_profile_is_current_until_another_is_used(two: Csctl) -> None:
    first = two("whoami -o json").json["profile"]
    used = two("profile use coffee")

    assert (first, used.code) == ("tea", 0)
    assert two("whoami -o json").json["profile"] == "coffee"
    rows = {row["name"]: row for row in two("profile list -o json").json}
    assert (rows["coffee"]["current"], rows["tea"]["current"]) == (True, False)
    assert rows["tea"]["logged_in"] is True


@on_sqlite
def test_logout_forgets_the_token_of_one_profile(two: Csctl) -> None:
    assert two("--profile coffee logout").code == 0

    assert two("--profile coffee whoami").code == 6
    assert two("--profile tea whoami").code == 0
    assert two("--profile coffee logout -o json").json[0]["outcome"] == "skipped"


@on_sqlite
def test_a_removed_profile_takes_its_token_along(two: Csctl) -> None:
    tokens = Path.home() / "config" / "csctl" / "tokens"

    assert two("profile remove coffee").code == 0
    assert [file.name for file in tokens.iterdir()] == ["tea"]
    assert two("--profile coffee whoami").code == 11
    assert two("profile remove coffee").code == 4


@on_sqlite
def test_what_is_kept_is_for_its_owner_alone(two: Csctl) -> None:
    folder = Path.home() / "config" / "csctl"

    for file in (folder / "config.toml", folder / "tokens" / "tea"):
        assert file.stat().st_mode & 0o777 == 0o600


@on_sqlite
def test_a_profile_has_its_other_settings_in_a_file(shop: Shop, csctl: Csctl, tmp_path: Path) -> None:
    file = tmp_path / "tea.env"
    file.write_text(f"CSCTL_DATABASE_URL={shop.env['CSCTL_DATABASE_URL']}\nCSCTL_GATEWAY_MAIN=sandbox:bank.db\n")
    csctl(f"profile add tea --env-file {file}")

    rows = {row["name"]: row for row in csctl("--profile tea config show -o json").json}

    assert rows["CSCTL_GATEWAY_MAIN"]["value"] == f"sandbox:{tmp_path}/bank.db"
    assert rows["CSCTL_GATEWAY_MAIN"]["origin"] == f"profile tea: {file}"


@on_sqlite
def test_the_environment_goes_before_the_profile_and_says_so(two: Csctl, shop: Shop, other: dict[str, str]) -> None:
    env = {"CSCTL_DATABASE_URL": other["url"], "CSCTL_TOKEN": other["token"]}

    done = two("--profile tea whoami -o json", env=env)

    assert done.json["name"] == "olga"
    assert "not that of the profile tea" in done.err


def test_an_env_file_that_is_named_goes_before_the_environment(csctl: Csctl, tmp_path: Path) -> None:
    file = tmp_path / "shop.env"
    file.write_text("CSCTL_MAIL_URL=file:/from-file\n")

    rows = csctl(f"--env-file {file} config show -o json", env={"CSCTL_MAIL_URL": "file:/from-environment"}).json

    assert {row["name"]: row["value"] for row in rows}["CSCTL_MAIL_URL"] == "file:/from-file"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("profile add '../x' --database sqlite:///x.db", 2),
        ("profile add tea", 2),
        ("profile add tea --database sqlite:///x.db", 5),
        ("profile use nowhere", 4),
        ("--profile nowhere whoami", 11),
    ],
)
@on_sqlite
def test_what_is_wrong_with_a_profile_is_said(two: Csctl, words: str, code: int) -> None:
    assert two(words).code == code


@on_sqlite
def test_a_dry_run_changes_no_profile(two: Csctl) -> None:
    assert two("profile use coffee --dry-run").code == 0
    assert two("profile remove tea --dry-run").code == 0
    assert two("logout --dry-run").code == 0
    assert two("whoami -o json").json["profile"] == "tea"


# -- where am I


def test_without_a_database_it_is_said_first_that_none_was_named(csctl: Csctl) -> None:
    done = csctl("whoami -o json")

    assert done.code == 11
    assert done.error["message"].startswith("CSCTL_DATABASE_URL is not set")
    assert "profile" in done.error["fix"]


@on_sqlite
def test_a_wrong_token_says_which_shop_it_does_not_fit(shop: Shop) -> None:
    shop("setting set shop-name 'Tea shop'")

    done = shop("whoami -o json", as_=None, env={"CSCTL_TOKEN": "csctl_wrong"})

    assert done.code == 6
    assert "Tea shop, sqlite:///" in done.error["cause"]
    assert "rehearsal" in done.error["cause"]


@on_sqlite
def test_a_command_that_is_advised_is_for_the_same_shop(shop: Shop, two: Csctl) -> None:
    sale = make_sale(shop, token="tok_refund_declined")
    assert two("--profile coffee logout").code == 0

    refused = two("--profile=coffee whoami")
    as_json = two("--profile coffee whoami -o json")
    database = shop.env["CSCTL_DATABASE_URL"]
    failed = shop(f"--database {database} txn refund {sale} txn_999 --yes -o json")
    found = shop(f"--database {database} doctor -o json")

    assert "Fix: csctl --profile coffee login, or set" in refused.err
    assert as_json.error["fix"].startswith("csctl --profile coffee login")
    assert failed.json[0]["error"]["fix"] == f"csctl --database {database} queue show rfq_1"
    assert f"csctl --database {database} run resume run_1 --retry-failed" in failed.err
    assert f"csctl --database {database} queue notify add EMAIL" in [row["fix"] for row in found.json]
    assert "Fix: csctl txn list" in shop("txn void txn_999 --yes").err, "nothing was typed, so nothing is repeated"


@on_sqlite
def test_a_prompt_for_money_says_where_it_moves(shop: Shop) -> None:
    shop("setting set shop-name 'Tea shop'")

    terminal = shop.terminal(f"txn refund {make_sale(shop)}")
    terminal.expect("On Tea shop, sqlite:///.*, rehearsal")
    terminal.expect("Continue")
    terminal.sendline("n")


def test_a_file_of_settings_that_others_can_write_is_not_used(csctl: Csctl) -> None:
    Path(".env").write_text("CSCTL_MAIL_URL=file:/mail\n")
    Path(".env").chmod(0o646)

    assert csctl("config show -o json").code == 11
