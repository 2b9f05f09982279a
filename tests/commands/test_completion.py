"""Completion: commands, options and values, in real shells, without a database."""

from __future__ import annotations

import importlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pexpect
import pytest
from click.shell_completion import ShellComplete

from tests.administration.command_tree import leaves
from tests.factories import make_fulfillment, make_price
from tests.running import PROGRAM, Done, entry_point
from tests.selection import on_sqlite
from tests.shops import Shop

Csctl = Callable[..., Done]


def completed(line: str, database_url: str = "sqlite:////nowhere/at/all.db") -> list[str]:
    """The completions of the last word of a line. The database is never opened."""
    env = {
        "_CSCTL_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
        "CSCTL_DATABASE_URL": database_url,
        **{name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME")},
    }
    done = subprocess.run([PROGRAM], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [found.partition(",")[2] for found in done.stdout.splitlines() if found]


def test_commands_options_and_values_are_completed() -> None:
    assert completed("csctl set") == ["setting"]
    assert completed("csctl setting un") == ["unset"]
    assert completed("csctl audit list --op") == ["--operator"]
    assert completed("csctl operator create tim --role a") == ["agent", "admin"]
    assert completed("csctl audit list -o json") == ["json", "jsonl"]
    assert completed("csctl help e") == ["exit-codes", "environment", "email"]
    assert completed("csctl help t") == ["txn"]
    assert completed("csctl help txn re") == ["reconcile", "refund", "resend-email"]
    assert completed("csctl setting set ti") == ["timezone"]


def test_names_come_from_the_outline_as_the_commands_have_them() -> None:
    namespace = entry_point().__globals__
    outline = importlib.import_module(f"{namespace['__package__']}.cli.outline")
    listed = outline.read()
    lines = [leaf.path.split() for leaf in leaves()]
    groups = [list(words) for words in dict.fromkeys(tuple(line[:-1]) for line in lines)]

    for words, begun in [*((line, "-") for line in lines), *((group, "") for group in groups), (["txn", "-h"], "-")]:
        found, real = names(listed, words, begun), names(namespace["root"], words, begun)
        assert found == real, words
    given = ["txn", "refund", "1", "-y", "--amount", "5", "--reason", "--note", "x"]
    assert names(listed, given, "--") == names(namespace["root"], given, "--")
    with pytest.raises(outline.ValueWanted):
        names(listed, given[:-2], "")


def names(root: click.Group, words: list[str], begun: str) -> list[tuple[str, str | None]]:
    """The completions of the next word, with their help."""
    return [(item.value, item.help) for item in ShellComplete(root, {}, "csctl", "").get_completions(words, begun)]


def test_states_are_completed() -> None:
    assert completed("csctl order list --status c") == ["complete", "cancelled"]
    assert completed("csctl queue list --state in") == ["in_progress"]


def test_fields_are_completed_after_a_comma() -> None:
    assert completed("csctl operator list --fields na") == ["name"]
    assert completed("csctl operator list --fields id,r") == ["id,role"]
    assert completed("csctl operator list --fields id,i") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(csctl: Csctl, shell: str) -> None:
    done = csctl(f"completion {shell}")

    assert done.code == 0
    assert f"_CSCTL_COMPLETE={shell}_complete" in done.out


def test_the_script_works_in_bash(csctl: Csctl) -> None:
    folder = PROGRAM.rpartition("/")[0]
    script = f"""
PATH={folder}:$PATH
{csctl("completion bash").out}
COMP_WORDS=(csctl setting un); COMP_CWORD=2
_csctl_completion csctl setting un
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["unset"]


# -- real shells

STARTS = {"bash": "bash --norc -i", "zsh": "zsh -f -i", "fish": "fish --no-config -i"}
each_shell = pytest.mark.parametrize("shell", list(STARTS))


def _require(shell: str) -> None:
    """Skip the test where the shell is missing; fail where `.ci/run` can install it."""
    if not shutil.which(shell):
        could = os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get")
        (pytest.fail if could else pytest.skip)(f"{shell} is not installed")


@pytest.fixture
def shell_with_completion(csctl: Csctl, tmp_path: Path) -> Iterator[Callable[[str], pexpect.spawn[str]]]:
    """Start a shell without the user's configuration, and load the completion script as the help says."""
    started: list[pexpect.spawn[str]] = []

    def start(shell: str) -> pexpect.spawn[str]:
        _require(shell)
        script = tmp_path / f"completion.{shell}"
        script.write_text(csctl(f"completion {shell}").out)
        path = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "CSCTL_DATABASE_URL": "sqlite:////nowhere/at/all.db", "TERM": "xterm"}
        child = pexpect.spawn(STARTS[shell], env=env, encoding="utf-8", timeout=30, dimensions=(30, 100), cwd=tmp_path)
        started.append(child)
        child.sendline(f"source {script}; echo loaded-{shell}")
        child.expect(f"loaded-{shell}\r")
        return child

    yield start
    for child in started:
        child.close(force=True)


@each_shell
def test_commands_are_completed_in_real_shells(
    shell_with_completion: Callable[[str], pexpect.spawn[str]], shell: str
) -> None:
    child = shell_with_completion(shell)

    child.send("csctl setting un\t")

    child.expect(r"un\S{0,40}?set")


@each_shell
def test_fields_after_a_comma_are_completed_in_real_shells(
    shell_with_completion: Callable[[str], pexpect.spawn[str]], shell: str
) -> None:
    child = shell_with_completion(shell)

    child.send("csctl operator list --fields id,ro\t")

    child.expect(r"id,ro\S{0,40}?le")


def test_zsh_loads_its_completion_system_if_the_configuration_does_not(csctl: Csctl) -> None:
    assert "autoload -Uz compinit" in csctl("completion zsh").out


def test_the_fish_script_splits_at_the_first_comma_only(csctl: Csctl) -> None:
    assert 'string split --max 1 ","' in csctl("completion fish").out


# -- words of the shop


@on_sqlite
def test_products_and_runs_are_completed_from_the_cache_file(shop: Shop) -> None:
    price = make_price(shop)
    product = shop("product list -o json").json[0]["sku"]
    shop(f"fulfillment hold {make_fulfillment(shop)} {make_fulfillment(shop)} --yes")
    assert completed("csctl product show ", shop.database_url) == []

    terminal = shop.terminal("product list")
    terminal.expect(pexpect.EOF)

    (cache,) = Path(os.environ["XDG_CACHE_HOME"], "csctl").glob("completion-*.json")
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert completed(f"csctl product show {product[:2]}", shop.database_url) == [product]
    assert completed(f"csctl purchase price pur_1 {price[:2]}", shop.database_url) == [price]
    assert completed("csctl run show r", shop.database_url) == ["run_1"]
    assert completed("csctl run show r", "sqlite:////another/shop.db") == []


@on_sqlite
def test_a_command_without_a_terminal_writes_no_cache_file(shop: Shop) -> None:
    shop("product list")

    assert not Path(os.environ["XDG_CACHE_HOME"], "csctl").exists()
