"""Dry runs of init, tokens and login, and a dry run with closed output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from csctl.profiles import token_file
from tests.commands.many import make_sales
from tests.commands.test_signals import in_shell
from tests.running import Done
from tests.selection import one_database
from tests.shops import Shop

Csctl = Callable[..., Done]


def test_a_dry_run_of_init_creates_no_tables_and_no_file(csctl: Csctl, empty_database_url: str) -> None:
    env = {"CSCTL_DATABASE_URL": empty_database_url}
    rehearsed = csctl("db init --admin jane --dry-run -o json", env=env)

    assert rehearsed.code == 0, rehearsed.err
    assert rehearsed.json == {"id": None, "name": "jane", "role": "admin", "token": None, "dry_run": True}
    assert not Path(empty_database_url.removeprefix("sqlite:///")).exists()
    assert csctl("db", "init", "--admin", " ", "--dry-run", env=env).code == 2
    assert csctl("db init --admin jane -o json", env=env).json["dry_run"] is False
    assert csctl("db init --admin jane --dry-run", env=env).code == 5


def test_a_dry_run_of_init_is_refused_where_the_file_cannot_be_created(csctl: Csctl, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = {"CSCTL_DATABASE_URL": f"sqlite:///{tmp_path}/file/csctl.db"}

    assert [csctl(f"db init --admin jane {how}", env=env).code for how in ("--dry-run", "")] == [11, 11]


@one_database
def test_dry_runs_of_operator_commands_make_the_real_checks(shop: Shop) -> None:
    new = shop("operator create tim --role agent --dry-run -o json")
    rotated = shop("operator rotate-token agent --dry-run -o json")

    assert (new.json["name"], new.json["token"], new.json["dry_run"]) == ("tim", None, True)
    assert (rotated.json["id"], rotated.json["token"]) == ("opr_2", None)
    assert shop("whoami", as_="agent").code == 0
    assert "tim" not in shop("operator list").out
    for words, code in (
        ("operator create agent --role agent", 5),
        ("operator disable nobody", 4),
        ("operator disable admin", 5),
        ("setting set color red", 4),
        ("setting set timezone Mars", 2),
        ("setting unset color", 4),
    ):
        assert [shop(f"{words} {how}").code for how in ("--dry-run", "")] == [code, code], words


@one_database
def test_a_dry_run_of_login_stores_no_token(shop: Shop) -> None:
    token = shop.token("agent")
    rehearsed = shop("login --dry-run -o json", as_=None, input=token)

    assert rehearsed.json == {"id": "opr_2", "name": "agent", "role": "agent", "dry_run": True}
    assert not token_file().exists()
    assert shop("login --dry-run", as_=None, input="wrong").code == 6
    assert shop("login", as_=None, input=token).code == 0
    assert token_file().exists()


@one_database
def test_a_dry_run_with_closed_output_says_that_nothing_was_done(shop: Shop) -> None:
    sales = make_sales(shop, 400)
    shop.adopt()
    (shop.folder / "ids").write_text("\n".join(sales))
    done = in_shell(shop, f"csctl txn refund - --dry-run -o jsonl < {shop.folder / 'ids'} | head -1")

    assert done.returncode == 0
    assert "nothing was done" in done.stderr
    assert "are done" not in done.stderr
