"""CSCTL_OUTPUT and NO_COLOR, from the environment or .env, for results and errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.test_terminal import all_of
from tests.factories import make_customer
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite


@pytest.fixture
def env_file() -> Path:
    """.env in the working directory."""
    path = Path(".env")
    path.write_text("CSCTL_OUTPUT=json\nNO_COLOR=1\n")
    return path


@pytest.mark.usefixtures("env_file")
def test_output_from_env_file_is_overridden_by_the_option(shop: Shop) -> None:
    customer = make_customer(shop)

    assert shop("customer search jane").json[0]["id"] == customer
    assert shop("customer search jane -o name").out == f"{customer}\n"
    assert shop("customer search jane", env={"CSCTL_OUTPUT": "name"}).out == f"{customer}\n"
    assert shop("customer show cus_999").error["exit"] == 4
    assert shop("customer show cus_999 --nonsense").error["exit"] == 2
    assert shop("customer show cus_999 --nonsense -o table").err.startswith("Error:")


def test_env_file_option_selects_the_file(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "other.env"
    file.write_text("CSCTL_OUTPUT=jsonl\n")
    customer = make_customer(shop)
    done = shop(f"--env-file {file} customer search jane")

    assert json.loads(done.out)["id"] == customer
    assert shop(f"--env-file {file} customer show nonsense").error["code"] == "not_found"


@pytest.mark.usefixtures("env_file")
def test_config_show_lists_preferences_with_their_origin(shop: Shop) -> None:
    rows = {row["name"]: row for row in shop("config show").json}

    assert (rows["CSCTL_OUTPUT"]["value"], rows["CSCTL_OUTPUT"]["origin"]) == ("json", ".env")
    assert (rows["NO_COLOR"]["value"], rows["NO_COLOR"]["origin"]) == ("1", ".env")


def test_an_unknown_format_is_a_usage_error(shop: Shop) -> None:
    assert shop("whoami", env={"CSCTL_OUTPUT": "xml"}).code == 2


def test_no_color_is_read_from_the_env_file(shop: Shop, env_file: Path) -> None:
    env_file.write_text("NO_COLOR=1\n")
    make_customer(shop)

    assert "\x1b[" not in all_of(shop.terminal("customer search jane"))
    assert "\x1b[" not in all_of(shop.terminal("customer show cus_999"))
    assert "\x1b[" in all_of(shop.terminal("customer search jane --color always"))


def test_json_escapes_control_characters(shop: Shop) -> None:
    make_customer(shop)
    shop.sql("UPDATE customers SET first_name = :name", name="a\x7fb\u202ec")

    for words in ("customer search --name a -o json", "customer search --name a -o jsonl"):
        done = shop(words)
        assert r"a\u007fb\u202ec" in done.out
        rows = json.loads(done.out)
        assert (rows[0] if isinstance(rows, list) else rows)["first_name"] == "a\x7fb\u202ec"
