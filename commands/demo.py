"""csctl demo: a shop to try things on, and a walk through the daily work."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from csctl.errors import Conflict, CsctlError, Misconfigured

from .cli import errors
from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output

_MONDAY, _TUESDAY, _WEDNESDAY, _THURSDAY = (f"2026-03-0{day}T09:00:00Z" for day in (2, 3, 4, 5))
_SIGNALLED = 128  # and the signal's number: the exit code of what it stopped
_KINDS = ("customers", "payment-methods", "products", "orders", "purchases", "transactions", "fulfillments")


@dataclass(frozen=True)
class Step:
    """A command of the walk, when it is run, why, and the exit code that it has."""

    words: str
    why: str = ""
    at: str = _MONDAY
    exit: int = 0


# The rest of the walk; making the shop comes before it.
WALK = (
    Step("customer search bjorn", "A customer is on the phone. Any spelling of a name, number or address finds him."),
    Step("customer show cus_1", "The whole profile, as the web page has it."),
    Step("customer note cus_1 'Called: the mugs were ordered twice.'", "What was said on the phone."),
    Step(
        "txn void txn_2 --reason 'ordered twice' --yes",
        "Her second order is a pending charge: it has not settled, so it is voided.",
    ),
    Step("txn refund txn_2 --yes", "What is voided cannot be refunded as well.", exit=5),
    Step("txn refund txn_1 --amount 5.00 --reason 'late delivery' --yes", "A settled sale is refunded, here in part."),
    Step("txn refund txn_5 --yes", "This bank says no. The refund is not lost: it waits in the queue.", exit=12),
    Step("txn refund txn_7 --yes", "So does this one.", exit=12),
    Step(
        "txn refund txn_8 --yes",
        "Here the answer is lost on the way. Unknown is not failed: nothing is sent again.",
        exit=9,
    ),
    Step("txn reconcile", "The gateway is asked instead. It had paid."),
    Step("queue list", "What cron will try again, once a day, for three days."),
    Step("queue retry", "Tuesday's cron. The first refund is through, and its customer is told.", at=_TUESDAY),
    Step("queue retry", "Started twice? Once a day is once a day.", at=_TUESDAY),
    Step(
        "order refund ord_4 --reason 'changed his mind' --yes",
        "Our books say that this charge is pending, but it has settled overnight: no void, so a refund follows.",
        at=_TUESDAY,
    ),
    Step("queue retry", "Wednesday.", at=_WEDNESDAY),
    Step(
        "queue retry",
        "Thursday: the third retry fails, the refund is given up, and the Notify Emails are told.",
        at=_THURSDAY,
    ),
    Step("email list", "All that was written to customers and to us. Each is a file in outbox/.", at=_THURSDAY),
    Step("queue show rfq_2", "Every attempt and its reason.", at=_THURSDAY),
    Step("audit list --limit 6", "Who did what.", at=_THURSDAY),
    Step("sandbox ledger --limit 9", "What the gateway itself has on its books.", at=_THURSDAY),
    Step("db check", "And our books agree with themselves.", at=_THURSDAY),
)


@click.command(cls=Command, opens=False, examples=("csctl demo", "csctl demo ./my-shop"))
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("csctl-demo"))
def demo(cli: Cli, out: Output, folder: Path) -> None:
    """Make a shop to try things on in DIR (./csctl-demo), and walk through a few days of work there.

    Every command is printed before it runs. It is a rehearsal: no money moves, and no email leaves the machine.
    """
    shop = folder.absolute()
    _refuse_what_is_there(shop, folder)
    with _made(shop, folder), _inside(shop) as left_out:
        _open(shop)
        for step in WALK:
            _run(step)
        _keep_time(shop, _THURSDAY)
    _say(f"\nThe shop is yours: cd {shlex.quote(str(folder))}, then {_program()} customer search, order list, …")
    _say("Its settings are in .env there; CSCTL_NOW is what lets days pass.")
    if left_out:
        _say(
            f"Your environment has settings of its own, and they go before that file. First: unset {' '.join(left_out)}"
        )


def _refuse_what_is_there(shop: Path, folder: Path) -> None:
    if not shop.exists() or (shop.is_dir() and not any(shop.iterdir())):
        return
    another = "make another: csctl demo OTHER-DIR"
    if not _is_finished(shop):
        raise Conflict(f"{folder} is there already, and is no demo shop", fix=another)
    enter = f"cd {shlex.quote(str(folder))} && {_program()} customer search jane"
    raise Conflict(f"{folder} is there already", fix=f"{enter}, or {another}")


def _is_finished(shop: Path) -> bool:
    """Whether a demo came to its end there: its clock is what it writes last."""
    settings = shop / ".env"
    return settings.is_file() and "\nCSCTL_NOW=" in settings.read_text(encoding="utf-8", errors="replace")


def _program() -> str:
    """How csctl is called here: it may be in a virtual environment that is not active."""
    return "csctl" if shutil.which("csctl") else shlex.quote(str(Path(sys.argv[0]).absolute()))


@contextlib.contextmanager
def _made(shop: Path, folder: Path) -> Iterator[None]:
    """The folder of the shop; nothing is left in it of a demo that did not come to its end."""
    was_there = shop.exists()
    try:
        shop.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"cannot make {folder}", cause=error.strerror) from None
    try:
        yield
    except BaseException:
        for path in shop.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not was_there:
            shop.rmdir()
        errors.say(f"The demo did not come to its end: nothing of it is left in {folder}.")
        raise


def _open(shop: Path) -> None:
    """Make the shop the way anybody would: a database, settings, and the records of another system."""
    shutil.copytree(_data(), shop / "data", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    _say("A shop of its own, to rehearse on: a database, the built-in gateway, and mail that goes into files.")
    _write_env(shop, token=None)
    made = io.StringIO()
    _show("db init --admin alex --rehearsal -o json")
    with contextlib.redirect_stdout(made):
        _check(Step("db init"), _call("db init --admin alex --rehearsal -o json"))
    click.echo(made.getvalue(), nl=False)
    _write_env(shop, token=json.loads(made.getvalue())["token"])
    for words in (
        "setting set shop-name 'Corner Coffee'",
        "setting set support-email help@corner-coffee.example.com",
        "setting set mail-from orders@corner-coffee.example.com",
        "setting set country US",
        "queue notify add finance@corner-coffee.example.com",
    ):
        _run(Step(words))
    _say("\nIts customers and orders come in from files, as any shop's would.")
    for kind in _KINDS:
        _run(Step(f"data import {kind} data/{kind}.csv"))
    _run(Step("sandbox adopt -q -o name", "The gateway learns of the sales that were made before."))


def _data() -> Path:
    import csctl.demo

    return Path(csctl.demo.__file__).parent


def _write_env(shop: Path, token: str | None) -> None:
    lines = [
        "# The demo shop. csctl reads this file when it is started in this folder.",
        "CSCTL_DATABASE_URL=sqlite:///csctl.db",
        "CSCTL_GATEWAY_MAIN=sandbox:sandbox.db",
        "CSCTL_MAIL_URL=file:outbox",
        *([f"CSCTL_TOKEN={token}"] if token else []),
    ]
    path = shop / ".env"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _keep_time(shop: Path, now: str) -> None:
    with (shop / ".env").open("a", encoding="utf-8") as file:
        file.write(
            "# The shop's clock stands still; set it on to let days pass. Only a rehearsal has such a clock.\n"
            f"CSCTL_NOW={now}\n"
        )


def _run(step: Step) -> None:
    if step.why:
        _say(f"\n{step.why}")
    if os.environ.get("CSCTL_NOW") != step.at:
        os.environ["CSCTL_NOW"] = step.at
        click.echo(f"$ export CSCTL_NOW={step.at}")
    _show(step.words)
    code = _call(step.words)
    if code:
        click.echo(f"(exit {code})")
    _check(step, code)


def _check(step: Step, code: int) -> None:
    """Raises where a step ended in another way than it does: stopped by a signal, which has been said, or broken."""
    if code > _SIGNALLED:
        raise click.exceptions.Exit(code)
    if code != step.exit:
        raise CsctlError(f"the walk went another way: csctl {step.words} ended with {code}, not {step.exit}")


def _show(words: str) -> None:
    click.echo(click.style(f"$ csctl {words}", bold=True))


def _call(words: str) -> int:
    from .entry import run

    sys.stdout.flush()
    return run(shlex.split(words))


def _say(text: str) -> None:
    click.echo(click.style(text, fg="cyan"))


@contextlib.contextmanager
def _inside(shop: Path) -> Iterator[list[str]]:
    """In the shop's folder, with nothing of the caller's own settings: the variables that are left out."""
    before, cwd = dict(os.environ), Path.cwd()
    left_out = sorted(name for name in os.environ if name.startswith("CSCTL_"))
    for name in left_out:
        del os.environ[name]
    os.environ["CSCTL_NOW"] = _MONDAY
    os.chdir(shop)
    try:
        yield left_out
    finally:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(before)
