"""Who may run which command (domain rules, section 7): the one table for checks, help and docs."""

from __future__ import annotations

from csctl.domain.states import Role

_AGENT, _ADMIN, _SERVICE = Role.AGENT, Role.ADMIN, Role.SERVICE
EVERYONE = frozenset({_AGENT, _ADMIN, _SERVICE})
PEOPLE = frozenset({_AGENT, _ADMIN})
CRON = frozenset({_ADMIN, _SERVICE})
ADMINS = frozenset({_ADMIN})

GROUPS: dict[frozenset[Role], str] = {
    PEOPLE: """
        customer search, customer show, customer note, customer history
        order search, order list, order show, order refund, order resend-email
        order create, order cancel, purchase force-bill, purchase trial skip
        txn list, txn show, txn refund, txn void, txn resend-email
        queue remove, queue requeue, queue resolve
        email list, email show, email preview
        blacklist list, blacklist check
        customer create, customer edit, customer call, customer export
        fulfillment list, fulfillment show, fulfillment hold, fulfillment release, fulfillment cancel
        customer edit-note, customer payment-method list, customer payment-method default
        customer payment-method disable, purchase payment-method, purchase reactivate, order rerun, order edit
        report refunds
        approval list, approval show, approval withdraw
        purchase list, purchase show, purchase trial restart, purchase trial stop
        purchase option, purchase price, purchase billing-date, purchase quantity
        purchase cancel, purchase pause, purchase resume
        product list, product show, txn dispute
        run list, run show, run resume
        fulfillment reship, fulfillment ship, fulfillment deliver, fulfillment return, fulfillment fail
    """,
    EVERYONE: """
        queue list, queue show, queue stats, whoami, doctor, gateway list, gateway check
        queue retry, txn reconcile
    """,
    CRON: """
        txn sync, email send, billing run
        audit seal
    """,
    ADMINS: """
        queue notify list, queue notify add, queue notify remove
        operator create, operator list, operator disable, operator enable, operator rotate-token
        setting list, setting set, setting unset
        data import, data export
        approval grant, approval deny, operator set-role, purchase billing-owner, product edit, product retire
        audit list, audit verify
        blacklist add, blacklist remove
        db grants
        customer merge, customer erase
        product create, product option add, product price add
        sandbox ledger, sandbox adopt, sandbox reset, gateway accept, customer payment-method retoken
        db upgrade, db status, db check, db repair
    """,
}
PERMISSIONS: dict[str, frozenset[Role]] = {
    command: roles
    for roles, commands in GROUPS.items()
    for line in commands.strip().splitlines()
    for command in line.strip().split(", ")
}
# Narrower than the command: people name records, cron processes all that is due.
FORMS: dict[str, frozenset[Role]] = {
    "queue retry of all": CRON,
    "queue retry of named items": PEOPLE,
    "txn reconcile of all": CRON,
    "txn reconcile of named transactions": PEOPLE,
    "txn reconcile with --as": ADMINS,
    "txn reconcile with --against": ADMINS,
    "purchase force-bill with --charged": ADMINS,
    "refund above the limit": ADMINS,
    "runs of others": ADMINS,
    "approvals of others": ADMINS,
    "undo of a refund outside": ADMINS,
}
# These work without an operator: they read no record, or make a person an operator.
OPEN_TO_ALL = frozenset(
    {
        "help",
        "completion",
        "config show",
        "db init",
        "login",
        "logout",
        "demo",
        "data mapping list",
        "data mapping show",
        "profile list",
        "profile add",
        "profile use",
        "profile remove",
    }
)


def allowed(action: str) -> frozenset[Role]:
    """The roles that may run a command or one of the forms above."""
    return FORMS[action] if action in FORMS else PERMISSIONS[action]


def describe(roles: frozenset[Role]) -> str:
    """ "admin", or "agent or admin"."""
    return " or ".join(role.value for role in Role if role in roles)
