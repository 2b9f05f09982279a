"""Operators and their tokens."""

from __future__ import annotations

import hashlib

import pytest

from tests.shops import Shop


def create(shop: Shop, name: str = "tim", role: str = "agent") -> str:
    """A new operator's token."""
    done = shop(f"operator create {name} --role {role} -o json")
    assert done.code == 0, done.err
    return str(done.json["token"])


def who(shop: Shop, token: str) -> int:
    """The exit code of `whoami` with this token."""
    return shop("whoami", as_=None, env={"CSCTL_TOKEN": token}).code


def test_whoami_names_the_operator_whose_token_it_is(shop: Shop) -> None:
    done = shop("whoami -o json", as_="agent")

    assert done.code == 0, done.err
    assert {"id": "opr_2", "name": "agent", "role": "agent"}.items() <= done.json.items()


@pytest.mark.parametrize("role", ["agent", "admin", "service"])
def test_a_new_operator_can_begin_at_once_with_the_token_that_was_printed(shop: Shop, role: str) -> None:
    done = shop(f"operator create tim --role {role} -o json")
    me = shop("whoami -o json", as_=None, env={"CSCTL_TOKEN": done.json["token"]})

    assert {name: me.json[name] for name in ("id", "name", "role")} == {
        "id": done.json["id"],
        "name": "tim",
        "role": role,
    }


def test_of_a_token_only_a_hash_is_kept(shop: Shop) -> None:
    token = create(shop)
    kept = shop.sql("SELECT token_hash FROM operators WHERE name = 'tim'")

    assert kept == [{"token_hash": hashlib.sha256(token.encode()).hexdigest()}]
    for table in ("operators", "audit"):
        assert token not in str(shop.sql(f"SELECT * FROM {table}"))  # noqa: S608 - the two above


def test_no_two_tokens_are_the_same_and_none_is_short(shop: Shop) -> None:
    tokens = {create(shop, f"tim{number}") for number in range(5)}

    assert len(tokens) == 5
    assert all(len(token) >= 43 for token in tokens)


def test_without_a_token_nothing_is_done(shop: Shop) -> None:
    done = shop("operator create tim --role admin -o json", as_=None)

    assert done.code == 6
    assert done.out == ""
    assert "csctl login" in done.error["fix"]
    assert shop.sql("SELECT name FROM operators WHERE name = 'tim'") == []


def test_an_unknown_token_is_refused_and_that_is_in_the_audit_log(shop: Shop) -> None:
    done = shop("whoami -o json", as_=None, env={"CSCTL_TOKEN": "csctl_guessed"})
    row = shop("audit list --command whoami -o json").json[0]

    assert done.code == 6
    assert (row["outcome"], row["operator"]) == ("refused", None)
    assert "guessed" not in str(shop.sql("SELECT * FROM audit"))


def test_a_disabled_operator_is_refused_at_once(shop: Shop) -> None:
    token = create(shop)
    before = who(shop, token)
    shop("operator disable tim")
    done = shop("whoami -o json", as_=None, env={"CSCTL_TOKEN": token})

    assert before == 0
    assert done.code == 6
    assert "disabled" in done.error["message"]


def test_disabling_twice_is_a_conflict(shop: Shop) -> None:
    shop("operator disable agent")

    assert shop("operator disable agent").code == 5


def test_a_disabled_operator_gets_no_new_token_and_the_fix_is_to_enable_it(shop: Shop) -> None:
    token = create(shop)
    shop("operator disable tim")
    before = shop.sql("SELECT token_hash FROM operators WHERE name = 'tim'")
    for words in ("operator rotate-token tim -o json", "operator create tim --role agent -o json"):
        done = shop(words)

        assert (done.code, done.out) == (5, "")
        assert "csctl operator enable tim" in done.error["fix"]
    assert shop.sql("SELECT token_hash FROM operators WHERE name = 'tim'") == before
    assert "csctl operator enable tim" in shop("whoami -o json", as_=None, env={"CSCTL_TOKEN": token}).error["fix"]


def test_an_enabled_operator_works_again_with_the_same_token(shop: Shop) -> None:
    token = create(shop)
    shop("operator disable tim")
    done = shop("operator enable tim -o json")
    row = shop("audit list --command 'operator enable' -o json").json[0]

    assert done.code == 0, done.err
    assert who(shop, token) == 0
    assert (row["outcome"], row["target"], row["changes"]) == ("updated", "opr_4", {"disabled": False})
    assert shop("operator enable tim").code == 5
    assert shop("operator enable nobody").code == 4


@pytest.mark.parametrize("role", ["agent", "service"])
def test_only_administrators_enable(shop: Shop, role: str) -> None:
    assert shop("operator enable admin", as_=role).code == 6


def test_the_last_administrator_cannot_be_disabled(shop: Shop) -> None:
    refused = shop("operator disable admin -o json")
    create(shop, "jane", "admin")
    done = shop("operator disable admin -o json")

    assert refused.code == 5
    assert done.code == 0


@pytest.mark.parametrize(
    "useless",
    [
        "UPDATE operators SET token_hash = 'none:jane' WHERE name = 'jane'",
        "UPDATE operators SET token_expires_at = '2026-01-01 00:00:00' WHERE name = 'jane'",
    ],
)
def test_an_administrator_without_a_valid_token_is_not_counted(shop: Shop, useless: str) -> None:
    create(shop, "jane", "admin")
    shop.sql(useless)

    assert shop("operator disable admin").code == 5
    assert shop("operator set-role admin agent").code == 5
    assert shop("operator disable jane").code == 0


def test_a_new_token_ends_the_old_one(shop: Shop) -> None:
    old = create(shop)
    new = shop("operator rotate-token tim -o json").json["token"]

    assert who(shop, old) == 6
    assert who(shop, new) == 0


def test_operators_are_found_by_name_and_by_id(shop: Shop) -> None:
    assert shop("operator rotate-token opr_2 -o json").json["name"] == "agent"
    assert shop("operator rotate-token agent -o json").json["id"] == "opr_2"
    assert shop("operator rotate-token opr_99").code == 4
    assert shop("operator rotate-token nobody").code == 4
    assert shop("operator rotate-token cus_1").code in (2, 4)


def test_an_expired_token_is_refused(shop: Shop) -> None:
    shop.sql("UPDATE operators SET token_expires_at = '2026-03-02 09:00:00' WHERE name = 'agent'")

    assert shop("whoami", as_="agent", at="2026-03-02T08:59:59Z").code == 0
    assert shop("whoami", as_="agent", at="2026-03-02T09:00:00Z").code == 6


def test_a_name_is_given_once(shop: Shop) -> None:
    create(shop)

    assert shop("operator create tim --role agent -o json").code == 5
    assert shop("operator create", "").code == 2


@pytest.mark.parametrize("name", ["", " ", "-x", "a\nb", "4242 4242 4242 4242", "x" * 200, "a\0b"])
def test_a_name_that_cannot_be_is_a_usage_error(shop: Shop, name: str) -> None:
    done = shop("operator", "create", "--role", "agent", "--", name)

    assert done.code == 2
    assert shop.sql("SELECT count(*) AS n FROM operators") == [{"n": 3}]


def test_the_list_shows_no_tokens(shop: Shop) -> None:
    done = shop("operator list -o json")

    assert [row["name"] for row in done.json] == ["service", "agent", "admin"]
    assert "token" not in done.json[0]
    assert "token_hash" not in done.json[0]


@pytest.mark.parametrize("role", ["agent", "service"])
def test_only_administrators_deal_with_operators(shop: Shop, role: str) -> None:
    for words in ("create tim --role admin", "list", "disable admin", "rotate-token admin"):
        done = shop(f"operator {words} -o json", as_=role)

        assert done.code == 6
        assert done.error["cause"] == "it needs the role admin"
    assert shop.sql("SELECT count(*) AS n FROM operators WHERE disabled_at IS NOT NULL") == [{"n": 0}]
    assert shop.sql("SELECT count(*) AS n FROM audit WHERE outcome = 'refused'") == [{"n": 4}]


def test_a_role_is_changed_for_the_next_command(shop: Shop) -> None:
    done = shop("operator set-role agent admin -o json")

    assert (done.code, done.json[0]["message"]) == (0, "agent -> admin")
    assert shop("audit list", as_="agent").code == 0
    assert shop("operator set-role agent agent").code == 0
    assert shop("audit list", as_="agent").code == 6


def test_the_last_administrator_keeps_the_role(shop: Shop) -> None:
    assert shop("operator set-role admin agent").code == 5
    assert shop("whoami -o json").json["role"] == "admin"
