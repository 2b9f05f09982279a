"""`csctl --confined` under a rule of sudo: another user works with the shop's SQLite file, and gains no right by it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sqlite3
import struct
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest

import csctl
from tests.administration.command_tree import leaves
from tests.factories import make_sale
from tests.forks import PROGRAM
from tests.shops import Shop

_RUN = os.getpid()  # several test runs may be under way on this machine
OWNER, CALLER = f"csctl-owner-{_RUN}", f"csctl-caller-{_RUN}"
_RULE = f"""
Defaults:{CALLER} env_keep += "CSCTL_TOKEN"
{CALLER} ALL=({OWNER}) NOPASSWD: {{program}} --confined *
"""


_REVISION, _EFFECTIVE, _DAC_OVERRIDE = 0x02000000, 1, 1  # linux/capability.h


def missing() -> str | None:
    """Why there can be no rule of sudo here."""
    if os.geteuid() != 0:
        return "only root can make users and a rule of sudo"
    return None if shutil.which("sudo") else "sudo is not installed"


@dataclass
class Host:
    """A host with two users: the owner of csctl's files, and one who may run csctl as the owner."""

    folder: Path
    program: Path
    tokens: dict[str, str]
    home: Path

    def csctl(self, words: str, *, role: str = "agent", input: str = "", before: str = "") -> CompletedProcess[str]:
        """What the caller types, after `before` in the same shell."""
        return self.shell(f"{before}\nsudo -n -u {OWNER} {self.program} --confined {words}", role, input)

    def shell(self, script: str, role: str = "agent", input: str = "") -> CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "CSCTL_TOKEN": self.tokens[role], "HOME": str(self.folder)}
        words = ["setpriv", f"--reuid={CALLER}", f"--regid={CALLER}", "--init-groups", "sh", "-c", script]
        return subprocess.run(words, env=env, cwd=self.folder, input=input, check=False, capture_output=True, text=True)


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def host(shop: Shop) -> Iterator[Host]:
    if why := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    sale = make_sale(shop)
    assert sale == "txn_1"
    with tempfile.TemporaryDirectory(prefix="csctl-host-", dir="/var/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        rule = Path(f"/etc/sudoers.d/csctl-test-{_RUN}")
        for user in (OWNER, CALLER):
            subprocess.run(["useradd", "--create-home", "--home-dir", place / user, user], check=True)
        try:
            yield _furnished(shop, place, rule)
        finally:
            rule.unlink(missing_ok=True)
            for user in (OWNER, CALLER):
                subprocess.run(["userdel", user], check=True)


def _furnished(shop: Shop, place: Path, rule: Path) -> Host:
    home, program = place / OWNER, _installed(place / "bin")
    for file, name in ((shop.database_url.removeprefix("sqlite:///"), "shop.db"), (shop.sandbox, "sandbox.db")):
        with closing(sqlite3.connect(file)) as there, closing(sqlite3.connect(home / name)) as here:
            there.backup(here)
    config = home / ".config" / "csctl"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(f'current = "shop"\n[profiles.shop]\nenv_file = "{home}/csctl.env"\n')
    (home / "csctl.env").write_text(
        f"CSCTL_DATABASE_URL=sqlite:///shop.db\nCSCTL_GATEWAY_MAIN=sandbox:sandbox.db\nCSCTL_NOW={shop.now}\n"
        f"CSCTL_MAIL_URL=file:mail\nCSCTL_TOKEN={shop.tokens['admin']}\n"
    )
    (config / "tokens").mkdir()
    (config / "tokens" / "shop").write_text(shop.tokens["admin"])
    (home / "secret.csv").write_text("external_id,first_name\nE1,Secret\n")
    owner = pwd.getpwnam(OWNER)
    for path in (home, *home.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
        path.chmod(0o700 if path.is_dir() else 0o600)
    rule.write_text(_RULE.format(program=program))
    rule.chmod(0o440)
    return Host(place / CALLER, program, dict(shop.tokens), home)


def _installed(folder: Path) -> Path:
    """csctl for a user who may not look where it is installed for the tests.

    Its Python has the capability of passing all permissions of files, and the system keeps it from nothing: what the
    caller does not get by it, csctl itself refuses.
    """
    folder.mkdir(mode=0o755)
    python, launcher, program = folder / "python", folder / "launcher.py", folder / "csctl"
    shutil.copy(os.path.realpath(sys.executable), python)
    os.setxattr(python, "security.capability", struct.pack("<5I", _REVISION | _EFFECTIVE, 1 << _DAC_OVERRIDE, 0, 0, 0))
    launcher.write_text(
        f"import runpy, site, sys\nsite.addsitedir({sysconfig.get_path('purelib')!r})\n"
        f"sys.path.insert(0, {str(Path(csctl.__file__).parents[1])!r})\n"
        f"runpy.run_path({PROGRAM!r}, run_name='__main__')\n"
    )
    program.write_text(f'#!/bin/sh\nPYTHONHOME={sys.base_prefix} exec {python} {launcher} "$@"\n')
    program.chmod(0o755)
    return program


def test_a_file_that_a_command_reads_is_declared_as_such() -> None:
    """All other paths are refused with --confined, as files to write."""
    others = {
        (leaf.path, str(param.name))
        for leaf in leaves()
        for param in leaf.params
        if isinstance(param.type, click.Path) and not _is_input(param)
    }

    assert others == {
        ("data export", "directory"),
        ("data import", "rejects"),
        ("demo", "folder"),
        ("profile add", "env_file"),
        ("report refunds", "html"),
    }


def _is_input(param: click.Parameter) -> bool:
    return any(kind.__name__ == "InputFile" for kind in type(param.type).__mro__)


def test_the_caller_works_with_the_shop_of_the_owner_and_with_files_of_their_own(host: Host) -> None:
    (host.folder / "changes.csv").write_text("id,first_name\ncus_1,Ann\n")

    who = host.csctl("whoami -o json")
    refunded = host.csctl("txn refund txn_1 --amount 1.00 --yes -o json")
    noted = host.csctl("customer note cus_1", input="Called about the delivery.")
    edited = host.csctl("customer edit --from changes.csv --yes")
    direct = host.shell(f"cat {host.home}/shop.db {host.home}/csctl.env")

    assert json.loads(who.stdout)["name"] == "agent", who.stderr
    assert json.loads(refunded.stdout)[0]["outcome"] == "refunded", refunded.stderr
    assert [noted.returncode, edited.returncode] == [0, 0], noted.stderr + edited.stderr
    assert (direct.returncode, direct.stdout) == (1, "")


def test_the_caller_brings_no_settings_and_borrows_no_token(host: Host) -> None:
    (host.folder / ".env").write_text("CSCTL_DATABASE_URL=sqlite:////nowhere/mine.db\nCSCTL_TEMPLATES_DIR=/etc\n")
    (host.folder / "evil").mkdir()
    (host.folder / "evil" / "sitecustomize.py").write_text("raise SystemExit(66)")
    mine = "export PYTHONPATH=$PWD/evil HOME=$PWD CSCTL_DATABASE_URL=sqlite:////nowhere/mine.db CSCTL_NOW=2030-01-01"

    for words in ("--env-file .env", "--database sqlite:////nowhere/mine.db", f"--env-file {host.home}/csctl.env"):
        done = host.csctl(f"{words} whoami")
        assert done.returncode == 2, words
        assert "not available with --confined" in done.stderr
    assert host.csctl("whoami", before=mine).returncode == 0
    without_token = host.csctl("whoami", before="unset CSCTL_TOKEN")
    assert without_token.returncode == 6
    assert "no token" in without_token.stderr
    assert host.csctl("setting list").returncode == 6, "the role is that of the caller's token"
    outside = host.shell(f"sudo -n -u {OWNER} {host.program} whoami")
    assert (outside.returncode, outside.stdout) == (1, ""), "sudo allows nothing without --confined"


def test_the_caller_reads_and_writes_no_file_with_the_rights_of_the_owner(host: Host) -> None:
    (host.folder / "link.csv").symlink_to(host.home / "secret.csv")
    (host.folder / "rows.csv").write_text("external_id,email\nE1,ann@example.com\nE2,nonsense\n")

    for secret in (
        f"{host.home}/secret.csv",
        "link.csv",
        f"{host.home}/csctl.env",
        "/proc/self/environ",
        f"{host.home}",
    ):
        done = host.csctl(f"data import customers {secret}", role="admin")
        assert done.returncode == 2, secret
        assert "Secret" not in done.stdout + done.stderr
    for words in (
        f"report refunds --html {host.home}/page",
        f"data import customers rows.csv --rejects {host.home}/page",
        f"data export all {host.home}/page",
        "login",
        "profile use shop",
        "demo",
    ):
        assert host.csctl(words, role="admin").returncode == 2, words
    edited = host.shell(
        f"export EDITOR='touch {host.home}/page'; script -qec 'sudo -n -u {OWNER} {host.program} --confined"
        " customer note cus_1' /dev/null"
    )
    assert edited.returncode == 2
    assert "no editor" in edited.stdout
    assert not (host.home / "page").exists()
    imported = host.csctl("data import customers rows.csv -o json", role="admin")
    assert (imported.returncode, json.loads(imported.stdout)["rejected"]) == (3, 1)
    assert "nonsense" in imported.stderr, "the rejected rows are printed"
