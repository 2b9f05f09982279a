"""The texts of `csctl help TOPIC`: what holds for all commands."""

from __future__ import annotations

EXIT_CODES = """
What a command comes to. Codes that are not listed are failures.

  0   done, an empty result included; a refund that the gateway has accepted as
      pending
  1   a bug in csctl
  2   usage: a wrong option or value, or --yes is missing and there is no
      terminal to ask on
  3   several records: some succeeded and some did not, or they failed in
      different ways; a change whose output nobody reads or that is full
  4   not found
  5   conflict: the record's state does not allow it (settled, already refunded,
      over the amount left, disputed, being worked on, ambiguous)
  6   not permitted: no or a wrong token, role too low, blacklisted customer
  7   declined at the prompt; nothing was done
  8   gateway, mail server or database unreachable, or what is printed cannot be
      written; nothing was sent and nothing kept, safe to repeat
  9   outcome unknown: it was sent and not answered; csctl txn reconcile TXN
  10  busy: a lock was not had in time
  11  configuration is missing or wrong (credentials too), or the schema is not
      current
  12  the gateway said no. A refund that failed for certain is in the queue now
  130, 143  stopped by SIGINT, SIGTERM

If all records of a bulk change fail in one and the same way, its code is that
one.
queue retry without ids, billing run, txn sync, txn reconcile and email send
exit 0 when they are through, whatever was answered, and 9 if unknown outcomes
remain.
"""

ENVIRONMENT = """
The environment says where things are. What the shop decides is in the
database: csctl setting list. An option goes before the environment, the
environment before .env in the working directory (or --env-file), and that
before the default. csctl config show prints each value with where it came
from, secrets masked.
Relative paths begin at the working directory, those in an --env-file at the
folder of that file.

  CSCTL_DATABASE_URL    sqlite:///FILE or
                        postgresql+psycopg://user:password@host/name
                        (default: csctl.db in your data directory)
  CSCTL_TOKEN           who you are: your operator's token; or the file that
                        csctl login writes
  CSCTL_GATEWAY_<NAME>  a gateway account, e.g.
                        CSCTL_GATEWAY_MAIN=sandbox:/var/lib/csctl/sandbox.db
                        without one, money commands exit 11
  CSCTL_MAIL_URL        file:DIR writes .eml files; smtps://... or
                        smtp://user:password@host:port?tls=starttls
                        without one, mail waits in the outbox
  CSCTL_TEMPLATES_DIR   emails of your own, looked up before the built-in ones
  CSCTL_PHONE_SWITCH    manual: prints a tel: URI (default), or
                        asterisk://user:secret@host?...; or a plugin's
  CSCTL_NOW             an RFC 3339 time to take for now; on rehearsal databases
  CSCTL_OUTPUT          what -o is when it is not given
  NO_COLOR              no colour

A .env or token file that holds secrets must be yours alone: chmod 600.
"""

OUTPUT = """
Results go to stdout and nothing else does: prompts, notices, warnings and
summaries go to stderr.

  -o table   for people: fits the terminal, is never cut on a pipe; times in the
             shop's zone
  -o json    one document: an array for lists and changes, an object for show
             commands; [] for no rows
  -o jsonl   one object a line, each flushed as soon as it is known
  -o csv     with a header; cells that a spreadsheet would run as formulas are
             made harmless
  -o name    one id a line, to pipe on

  --fields a,b   which fields, in which order; a wrong name lists the right ones

Money is a decimal string with its currency: "amount": "19.99",
"currency": "USD". Times are RFC 3339 in UTC.
Each record of a change gives a row: id, ok, outcome, message, dry_run, error.
With -o json or jsonl, an error is one object on stderr:
  {"error": {"code": "conflict", "exit": 5, "message": ..., "cause": ...,
   "fix": ...}}
"""

IDS = """
Ids have a prefix that says what they name:

  cus_12  customer          ord_12  order             pur_12  purchase
  txn_12  transaction       ful_12  fulfillment       rfq_12  queued refund
  eml_12  email             bli_12  blacklist entry   opr_12  operator
  pm_12   payment method    run_12  bulk run          prd_12  product
  aud_12  audit row         apr_12  approval request

A bare number is understood where the command says what it must be:
csctl txn show 12.
Commands that change things take several ids, or - to read them from standard
input: one a line, or JSON objects with an "id". Blank lines and lines that
begin with # are left out, an id that comes twice is done once, and a bad line
is reported before anything is done:

  csctl txn list --since 2026-03-01 -o name | csctl txn refund - --dry-run
"""

TOPICS: dict[str, tuple[str, str]] = {
    "exit-codes": ("what a command's exit code means", EXIT_CODES),
    "environment": ("the variables that csctl reads", ENVIRONMENT),
    "output": ("formats, fields, and what goes where", OUTPUT),
    "ids": ("how records are named", IDS),
}
