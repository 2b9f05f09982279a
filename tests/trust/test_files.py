"""Files: what csctl reads secrets from, and where it writes personal data."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from csctl.errors import Misconfigured
from csctl.settings import refuse_if_others_read
from tests.factories import make_order
from tests.running import Done
from tests.selection import one_database
from tests.shops import Shop

Csctl = Callable[..., Done]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")


@root_only
@pytest.mark.parametrize(
    ("owner", "mode", "fits"),
    [
        (0, 0o440, True),
        (0, 0o400, True),
        (0, 0o444, False),
        (0, 0o460, False),
        (0, 0o640, False),
        (4242, 0o440, False),
        (4242, 0o400, True),
    ],
)
def test_a_secret_file_of_root_may_be_readable_by_the_group(tmp_path: Path, owner: int, mode: int, fits: bool) -> None:
    secret = tmp_path / "token"
    secret.touch()
    os.chown(secret, owner, 0)
    secret.chmod(mode)

    if fits:
        refuse_if_others_read(secret)
    else:
        with pytest.raises(Misconfigured):
            refuse_if_others_read(secret)


@one_database
def test_settings_may_come_through_a_pipe(shop: Shop) -> None:
    reader, writer = os.pipe()
    lines = [f"{name}={value}" for name, value in shop.environment().items() if name != "CSCTL_NOW"]
    os.write(writer, "\n".join([*lines, "CSCTL_NOW=2026-03-02T09:00:00Z", "CSCTL_OUTPUT=json"]).encode())
    os.close(writer)

    done = shop(f"--env-file /dev/fd/{reader} whoami", as_=None, env={"CSCTL_DATABASE_URL": ""})
    os.close(reader)

    assert done.code == 0, done.err
    assert done.json["name"] == "admin"


@one_database
def test_an_email_is_never_written_through_a_link(shop: Shop, tmp_path: Path) -> None:
    order, victim = make_order(shop), tmp_path / "victim"
    victim.write_text("mine")
    (shop.outbox / f".eml_1.{os.getpid()}.part").symlink_to(victim)
    (shop.outbox / "eml_1.eml").symlink_to(victim)

    assert shop(f"order resend-email {order} --yes").code == 0

    assert victim.read_text() == "mine"
    assert [mail["To"] for mail in shop.mails()]


@root_only
def test_without_a_home_directory_csctl_says_what_to_set(tmp_path: Path) -> None:
    """As in a container that runs under any user id. `~` is then no directory, and is not made."""
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o777)
    doctor = textwrap.dedent("""
        import importlib.metadata, os
        main = importlib.metadata.distribution("csctl").entry_points["csctl"].load()
        def doctor():
            try:
                main(["doctor", "-o", "json"])
            except SystemExit as end:
                return end.code
        # Once as root, so that all is imported: the other user may not be allowed to read where csctl is installed.
        out = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.environ["CSCTL_DATABASE_URL"] = "sqlite:////nonexistent/shop.db"
        doctor()
        os.dup2(out, 1)
        os.setgid(54321); os.setuid(54321); os.environ.clear()
        raise SystemExit(doctor())
    """)
    done = subprocess.run([sys.executable, "-c", doctor], capture_output=True, text=True, cwd=place, check=False)

    assert done.returncode == 11, done.stderr
    assert "HOME" in done.stdout
    assert list(place.iterdir()) == []
