"""csctl demo: create a demo shop, and walk through its daily work."""

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
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from csctl.clock import rfc3339
from csctl.domain.retries import POLICY
from csctl.errors import Conflict, CsctlError, Misconfigured

from .cli import errors
from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output

_FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
# A refund that fails on Monday is tried once on each of the days after it.
_MONDAY, _TUESDAY, *_DAYS, _LAST = (rfc3339(_FIRST + timedelta(days=number)) for number in range(POLICY.attempts + 1))
_SIGNALLED = 128  # plus the number of the signal: the exit code of an interrupted command
_KINDS = ("customers", "payment-methods", "products", "orders", "purchases", "transactions", "fulfillments")


@dataclass(frozen=True)
class Step:
    """A command of the walk: why it is run, at what time, and the exit code that it must have."""

    words: str
    why: str = ""
    at: str = _MONDAY
    exit: int = 0


def _weekday(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%A")


# The walk, after the shop is created.
WALK = (
    Step("customer search bjorn", "A customer calls. Names, phone numbers and addresses are found in any spelling."),
    Step("customer show cus_1", "The whole profile on one page."),
    Step("customer note cus_1 'Called: the mugs were ordered twice.'", "Write down what the customer said."),
    Step(
        "txn void txn_2 --reason 'ordered twice' --yes",
        "The second order is a pending charge: it has not settled, so it is voided.",
    ),
    Step("txn refund txn_2 --yes", "A voided charge cannot be refunded as well.", exit=5),
    Step("txn refund txn_1 --amount 5.00 --reason 'late delivery' --yes", "A settled sale is refunded, here in part."),
    Step("txn refund txn_5 --yes", "This bank declines the refund. It is queued for a retry.", exit=12),
    Step("txn refund txn_7 --yes", "This one declines, too.", exit=12),
    Step(
        "txn refund txn_8 --yes",
        "Here the answer of the gateway is lost. Unknown is not failed: nothing is sent again.",
        exit=9,
    ),
    Step("txn reconcile", "Instead, csctl asks the gateway for the outcome. The refund was paid."),
    Step("queue list", "The refunds that cron will retry, once a day."),
    Step(
        "queue retry",
        "Tuesday's cron job. The first refund is approved, and the customer receives an email.",
        at=_TUESDAY,
    ),
    Step("queue retry", "Started twice by accident: each refund is still retried only once a day.", at=_TUESDAY),
    Step(
        "order refund ord_4 --reason 'changed his mind' --yes",
        "The database says that this charge is pending, but it has settled overnight, so it is refunded.",
        at=_TUESDAY,
    ),
    *(Step("queue retry", f"{_weekday(day)}.", at=day) for day in _DAYS),
    Step(
        "queue retry",
        f"{_weekday(_LAST)}: the last retry fails. The refund is exhausted, and the Notify Emails receive a message.",
        at=_LAST,
    ),
    Step("email list", "All emails to customers and to the shop. Each is a file in outbox/.", at=_LAST),
    Step("queue show rfq_2", "Every attempt, with the reason why it failed.", at=_LAST),
    Step("audit list --limit 6", "Who did what.", at=_LAST),
    Step("sandbox ledger --limit 9", "The gateway's own records.", at=_LAST),
    Step("db check", "The database is consistent.", at=_LAST),
)


@click.command(cls=Command, opens=False, examples=("csctl demo", "csctl demo ./my-shop"))
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("csctl-demo"))
def demo(cli: Cli, out: Output, folder: Path) -> None:
    """Create a demo shop in DIR (./csctl-demo), and walk through a few days of work there.

    Each command is printed before it runs. The shop is a rehearsal: no money moves, and no email leaves the machine.
    """
    shop = folder.absolute()
    _require_empty(shop, folder)
    with _made(shop, folder), _inside(shop) as left_out:
        _open(shop)
        for step in WALK:
            _run(step)
        _keep_time(shop, _LAST)
    _say(f"\nNow use the shop: cd {shlex.quote(str(folder))}, then {_program()} customer search, order list, …")
    _say("Its settings are in .env there. Change CSCTL_NOW to let days pass.")
    if left_out:
        _say(f"Variables of your environment override that file. Before you begin: unset {' '.join(left_out)}")


def _require_empty(shop: Path, folder: Path) -> None:
    if not shop.exists() or (shop.is_dir() and not any(shop.iterdir())):
        return
    another = "create another one: csctl demo OTHER-DIR"
    if not _is_finished(shop):
        raise Conflict(f"{folder} exists, and is not a demo shop", fix=another)
    enter = f"cd {shlex.quote(str(folder))} && {_program()} customer search jane"
    raise Conflict(f"{folder} exists", fix=f"{enter}, or {another}")


def _is_finished(shop: Path) -> bool:
    """Whether a demo was completed there: the clock is the last thing that it writes."""
    settings = shop / ".env"
    return settings.is_file() and "\nCSCTL_NOW=" in settings.read_text(encoding="utf-8", errors="replace")


def _program() -> str:
    """The command that runs csctl here: its virtual environment may not be active."""
    return "csctl" if shutil.which("csctl") else shlex.quote(str(Path(sys.argv[0]).absolute()))


@contextlib.contextmanager
def _made(shop: Path, folder: Path) -> Iterator[None]:
    """Create the folder of the shop, and empty it again if the demo does not complete."""
    was_there = shop.exists()
    try:
        shop.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"cannot create {folder}", cause=error.strerror) from None
    try:
        yield
    except BaseException:
        for path in shop.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not was_there:
            shop.rmdir()
        errors.say(f"The demo was not completed. Its files in {folder} were removed.")
        raise


def _open(shop: Path) -> None:
    """Create the shop as a user would: a database, settings, and records imported from another system."""
    shutil.copytree(_data(), shop / "data", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    _say("A rehearsal shop: a database, the built-in gateway, and emails that are written to files.")
    _write_env(shop, token=None)
    made = io.StringIO()
    _show("db init --admin alex --rehearsal --agent-refund-limit '100 USD' -o json")
    with contextlib.redirect_stdout(made):
        _check(Step("db init"), _call("db init --admin alex --rehearsal --agent-refund-limit '100 USD' -o json"))
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
    _say("\nCustomers and orders are imported from files.")
    for kind in _KINDS:
        _run(Step(f"data import {kind} data/{kind}.csv"))
    _run(Step("sandbox adopt -q -o name", "The sandbox gateway receives the imported sales."))


def _data() -> Path:
    import csctl.demo

    return Path(csctl.demo.__file__).parent


def _write_env(shop: Path, token: str | None) -> None:
    lines = [
        "# The demo shop. csctl reads this file when it runs in this folder.",
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
            "# The shop's clock stands still; change it to let days pass. Only rehearsal databases allow this.\n"
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
    """Raises if a step was interrupted, which is reported already, or has another exit code than expected."""
    if code > _SIGNALLED:
        raise click.exceptions.Exit(code)
    if code != step.exit:
        raise CsctlError(f"the demo failed: csctl {step.words} ended with {code}, not {step.exit}")


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
    """Work in the shop's folder, without the caller's own settings. Gives the variables that are left out."""
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
