"""The texts of `csctl help TOPIC`: rules that all commands follow."""

from __future__ import annotations

EXIT_CODES = """
The exit code says how a command ended.

  0   done, an empty result included; a refund that the gateway has accepted as
      pending
  1   a bug in csctl
  2   usage: a wrong option or value, or --yes is missing and there is no
      terminal to ask on
  3   several records: some succeeded and some did not, or they failed in
      different ways; a change whose output was closed or could not be written
  4   not found
  5   conflict: the record's state does not allow it (settled, already refunded,
      over the remaining amount, disputed, locked, ambiguous)
  6   not permitted: no or a wrong token, role too low, blacklisted customer
  7   declined at the prompt; nothing was done
  8   gateway, mail server or database unreachable, or the output could not
      be written; nothing was sent or stored, safe to repeat
  9   outcome unknown: sent, and no answer received; csctl txn reconcile TXN
  10  lock timeout: another process holds the records
  11  configuration is missing or wrong (credentials too), or the schema is not
      current
  12  the gateway declined. A refund that failed for certain is queued now
  130, 143  stopped by SIGINT, SIGTERM

If all records of a bulk change fail in the same way, the command exits with
the code of that failure. Where they end differently it exits 3.
queue retry without ids, billing run, txn sync, txn reconcile and email send
exit 0 when they have processed everything, whatever the answers were, and 9 if
unknown outcomes remain. Where no gateway or database could be reached they exit
8 if nothing at all was sent, else 3.
"""

ENVIRONMENT = """
The environment says where things are; what the shop decides is in the database
(csctl setting list). An option overrides the environment, the environment
overrides .env in the working directory (or --env-file), and that overrides the
default. csctl config show prints each value with its origin, secrets masked.
Relative paths start at the working directory, in an --env-file at the folder
of that file.

  CSCTL_DATABASE_URL    sqlite:///FILE or
                        postgresql+psycopg://user:password@host/name
                        (default: csctl.db in your data directory)
  CSCTL_TOKEN           your token as an operator; without it, the file
                        that csctl login writes
  CSCTL_GATEWAY_<NAME>  a gateway account: sandbox:FILE, stripe:KEY,
                        nmi:SECURITY_KEY or
                        authorizenet:LOGIN:TRANSACTION_KEY; a secret may be in
                        a file: nmi:@FILE; ?rate=5/s limits the calls;
                        without an account, commands that move money exit 11
  CSCTL_READ_URL        a read replica of the database, for commands that only
                        read; never for money
  CSCTL_MAIL_URL        file:DIR writes .eml files; smtps://... or
                        smtp://user:password@host:port?tls=starttls
                        without one, emails wait in the outbox
  CSCTL_TEMPLATES_DIR   emails of your own, looked up before the built-in ones
  CSCTL_PHONE_SWITCH    manual: prints a tel: URI (default),
                        asterisk://user:secret@host?..., or a plugin
  CSCTL_NOW             the current time (RFC 3339), on rehearsal databases only
  CSCTL_OUTPUT          the default of -o
  CSCTL_PROFILE         the shop to work on: csctl profile
  NO_COLOR              no color

Files with secrets must be readable by their owner only: chmod 600.
"""

OUTPUT = """
Only results go to stdout. Prompts, notices, warnings and summaries go to
stderr.

  -o table   for reading: fits the terminal, is never cut on a pipe; times in
             the shop's zone
  -o wide    the same with all columns
  -o json    one document: an array for lists and changes, an object for show
             commands; [] for no rows
  -o jsonl   one object on each line, written as soon as it is known
  -o csv     with a header; an apostrophe is put before cells that a
             spreadsheet would run as formulas
  -o name    one id on each line, for pipes; of a change, only those that
             succeeded

  --fields a,b   the fields to print, in this order; a wrong name lists the
                 valid ones

Money is a decimal string with its currency: "amount": "19.99",
"currency": "USD". Times are RFC 3339 in UTC.
A change prints a row for each record: id, ok, outcome, message, dry_run, error.
With -o json or jsonl, an error is one object on stderr:
  {"error": {"code": "conflict", "exit": 5, "message": ..., "cause": ...,
   "fix": ...}}
"""

IDS = """
The prefix of an id says what kind of record it names:

  cus_12  customer          ord_12  order             pur_12  purchase
  txn_12  transaction       ful_12  fulfillment       rfq_12  queued refund
  eml_12  email             bli_12  blacklist entry   opr_12  operator
  pm_12   payment method    run_12  bulk run          prd_12  product
  aud_12  audit row         apr_12  approval request  his_12  history entry

The prefix may be left out where only one kind is possible: csctl txn show 12.
A record may also be named by its id in another system (csctl order show
'#1001', or 1001), a transaction by its reference at the gateway, and a customer
by an email. A name that several records have is refused (exit 5).
Commands that change records take several ids, or - to read them from standard
input: one on each line, or JSON objects with an "id". Empty lines and lines
that begin with # are ignored, a repeated id is processed once, and an invalid
line is reported before anything is done:

  csctl txn list --since 2026-03-01 -o name | csctl txn refund - --dry-run
"""

GATEWAYS = """
A gateway account is one variable: CSCTL_GATEWAY_MAIN, CSCTL_GATEWAY_EU and so
on. Its value names the kind of gateway, the account's key, and options.

  sandbox:PATH                            the built-in gateway for rehearsals
  stripe:KEY                              Stripe: a restricted or secret key
  authorizenet:LOGIN:TRANSACTION_KEY      Authorize.Net
  nmi:SECURITY_KEY                        NMI and its resellers
  checkoutchamp:LOGIN:PASSWORD            CheckoutChamp: imports only

  base=URL       another host of the vendor, a brand of NMI
                 (https://apitest.authorize.net is Authorize.Net's sandbox)
  rate=5/s       at most so many calls per second (s), minute (m) or hour (h)
                 [default: 5/s, Stripe 20/s; the sandbox: no limit]
  timeout=60     seconds that one call may take in all, at most 90
  shared=on      other databases of csctl use the account, too [default: off]

The first option follows a question mark, the others an ampersand; put the
value in quotes in a shell. In a key, write % as %25, ? as %3F and # as %23.
A key may be in a file that only you can read: nmi:@/etc/csctl/nmi.key

Real gateways need csctl[gateways]. Accounts in test mode work on rehearsal
databases only (csctl db init --rehearsal), as the sandbox does; live accounts
only on others. If a gateway asks to wait, csctl does so, up to timeout= and
with a notice; what would have to wait longer is busy, and no attempt.

Options of the sandbox:
  settles=midnight|capture|never    when a sale settles [default: midnight]
  idempotency=on|off                whether it honors keys [default: on]
  lookup=on|off                     whether it can be asked [default: on]
  lookup_delay=15m                  it finds what was sent only after this time
  changes=on|off                    it reports what has changed, or each sale has to be looked up
  records=on|off                    it lists what it has on record, or the books cannot be compared with it
  latency_ms=50                     milliseconds that each call takes
  rate_limit=20                     calls per second; it refuses others as busy
  account=ID                        its account id [default: that of the file]
  credentials=wrong                 it refuses every call

The tokens of payment methods are written
  stripe         cus_.../pm_...
  authorizenet   CUSTOMER_PROFILE/PAYMENT_PROFILE
  nmi            VAULT or VAULT/BILLING

csctl gateway list shows the accounts, csctl gateway check NAME asks one who it
is, without sending anything that moves money.
"""

TOPICS: dict[str, tuple[str, str]] = {
    "exit-codes": ("what an exit code means", EXIT_CODES),
    "environment": ("the variables that csctl reads", ENVIRONMENT),
    "gateways": ("accounts at payment gateways, and their options", GATEWAYS),
    "output": ("formats, fields, stdout and stderr", OUTPUT),
    "ids": ("ids and their prefixes", IDS),
}
