"""csctl doctor: is everything in order?"""

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
    """Check database, gateways, mail and what waits; each problem comes with its fix.

    Exits 0 if all is in order, and 11 if something is not.
    """
    from csctl.bootstrap import start
    from csctl.services.health import doctor

    findings = doctor.examine(cli.settings, lambda settings: start(settings, "doctor", any_schema=True))
    out.rows(findings)
    problems = sum(finding["status"] != "ok" for finding in findings)
    out.notice(f"{problems} to mend." if problems else "All is well.")
    out.exit_code = _MISCONFIGURED if problems else 0
