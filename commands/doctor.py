"""csctl doctor: find problems in the installation."""

from __future__ import annotations

import click

from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output

_MISCONFIGURED = 11


@click.command(
    cls=Command,
    fields=("check", "status", "problem", "fix"),
    opens=False,
    examples=("csctl doctor", "csctl doctor -o json"),
)
def doctor(cli: Cli, out: Output) -> None:
    """Check the database, the gateways, mail and the queues; each problem comes with its fix.

    Exits 0 if there are no problems, else 11. Warnings do not count: a shop may have chosen what they say.
    """
    from csctl.bootstrap import start
    from csctl.services.health import doctor

    findings = doctor.examine(cli.settings, lambda settings: start(settings, "doctor", any_schema=True))
    out.rows(findings)
    problems = sum(finding["status"] == "problem" for finding in findings)
    if not problems:
        out.notice("No problems found.")
    else:
        out.notice("1 problem found." if problems == 1 else f"{problems} problems found.")
    out.exit_code = _MISCONFIGURED if problems else 0
