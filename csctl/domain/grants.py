"""The rights of the PostgreSQL groups on each table: the one table for `db grants`, docs and tests.

The command line checks the role of a token (`domain/permissions.py`). These rights apply to every program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from csctl.domain.field_uses import Erase, Use
from csctl.domain.fields import RECORDS
from csctl.domain.states import Role

GROUPS: dict[Role, str] = {role: f"csctl_{role.value}" for role in Role}

# Without the number of the row: one that is taken in advance would stop the next row of another user.
NUMBERED = "INSERT (all but id)"
_READ = ("SELECT",)
_ADD = ("SELECT", NUMBERED)
_WRITE = ("SELECT", "INSERT")
_EDIT = ("SELECT", "INSERT", "UPDATE")
_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
_NONE: tuple[str, ...] = ()
# The database numbers the rows of the audit log: no program can choose a number, or reserve one.
WRITE_DOWN = "INSERT (at, operator_id, operator, command, target, changes, outcome)"
_TRAIL = ("SELECT", WRITE_DOWN)
# Each sign-in records when the token was last used, and changes nothing else of an operator.
_SIGN_IN = ("SELECT", "UPDATE (last_used_at)")
# The outcome of an operation at a gateway may be written; its content, its operator and its key stay unchanged.
OUTCOME = (
    "UPDATE (state, reason, message, gateway_ref, gateway_code, gateway_request_id, network_ref, bank_reference, claim,"
    " lease_until, sent_at, finished_at, settlement, settled_at, voided_at, disputed_at, billing_blocked_at, refunded,"
    " reserved, over_returned, look_since, watch_until, looked_at, queue_item_id, attempt_on, cancels,"
    " cancels_purchase_id, cancels_on, cancels_after_billing)"
)
_WORDS = ("SELECT", "INSERT", "UPDATE (reason)")
_RUN = ("SELECT", NUMBERED, "DELETE", "UPDATE (state, total, done, failed, worker, lease_until, ended_at)")
_RECORD = ("SELECT", "INSERT", "DELETE", "UPDATE (state, outcome, message, transactions, at)")
_CARDS = ("SELECT", "UPDATE (is_default, disabled_at)")
# The sale and amount of a queued refund stay unchanged.
_QUEUE = (
    "SELECT",
    NUMBERED,
    "UPDATE (state, amount, attempts, next_attempt_on, last_attempt_on, last_reason, send_email, closed_at,"
    " close_reason, reference, unattempted_told_at)",
)
_OPERATE = ("SELECT", NUMBERED, OUTCOME)
_COMPARED = ("SELECT", "INSERT", "UPDATE (accepted_at)")
_ADDRESSES = ", ".join(
    f"{which}_{part}"
    for which in ("billing", "shipping")
    for part in ("line1", "line2", "city", "region", "postal_code", "country")
)
# What people enter, and its copies for searches. The customer of a record stays unchanged: merging and erasing are for
# administrators.
_DETAILS = [
    field.name for field in RECORDS["customers"].fields if field.uses & Use.ENTERED or field.erase is Erase.COPY
]
_CUSTOMER = ("SELECT", NUMBERED, f"UPDATE ({', '.join(_DETAILS)}, updated_at, version)")
_ORDER = ("SELECT", NUMBERED, f"UPDATE (status, {_ADDRESSES}, cancelled_at, cancel_reason)")
_PURCHASE = (
    "SELECT",
    NUMBERED,
    "UPDATE (price_point_id, payment_method_id, status, quantity, unit_price, price, checkout_amount, interval,"
    " billing_day, cycle, trial_ends_on, next_bill_on, due_on, billed_from, billed_to, last_billed_on, cancel_on,"
    " cancel_after_billing, cancelled_at, cancel_reason, paused_until, recycle_attempts, final_cycle,"
    " next_price_point_id, next_quantity, next_unit_price, version)",
)
# What is changed, and the charge that is waited for, stay; the row is deleted once the charge is answered.
_WAITING = ("SELECT", NUMBERED, "DELETE", "UPDATE (bill_on, reason, created_at, created_by)")
_SHIPMENT = ("SELECT", NUMBERED, "UPDATE (status, carrier, tracking, shipped_at)")
# The recipient and the values of an email stay unchanged.
_EMAIL = ("SELECT", NUMBERED, "UPDATE (subject, text, html, state, error, attempts, lease_until, sent_at)")

# The same key may be used again after a refusal.
_REQUEST = ("SELECT", NUMBERED, "UPDATE (asked)")

# table -> what agents, admins and the service may do with it
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "customers": (_CUSTOMER, _EDIT, _READ),
    # The customer and the gateway of a card are written by an import alone.
    "payment_methods": (_CARDS, _EDIT, _READ),
    "history": (_ADD, _EDIT, _ADD),
    "products": (_READ, _EDIT, _READ),
    "product_options": (_READ, _EDIT, _READ),
    "price_points": (_READ, _EDIT, _READ),
    "orders": (_ORDER, _EDIT, _ORDER),
    "purchases": (_PURCHASE, _EDIT, _PURCHASE),
    "fulfillments": (_SHIPMENT, _EDIT, _SHIPMENT),
    "transactions": (_OPERATE, _EDIT, _OPERATE),
    "refund_queue": (_QUEUE, _EDIT, _QUEUE),
    # A request and its decision are written once; what a person wrote may be erased. The service asks for a refund that
    # the queue would make above the limit of the agent who wanted it.
    "approvals": (_ADD, _WORDS, _ADD),
    "approval_decisions": (_ADD, _WORDS, _READ),
    "deferred_changes": (_WAITING, _ALL, _WAITING),
    "requests": (_REQUEST, _EDIT, _REQUEST),
    # The command, operator and records of a run stay unchanged. One that was refused before its first record is
    # deleted: a trigger allows no other.
    "runs": (_RUN, _RUN, _RUN),
    "run_records": (_RECORD, _RECORD, _RECORD),
    "emails": (_EMAIL, _EDIT, _EMAIL),
    "notify_emails": (_READ, _ALL, _READ),
    "blacklist": (_READ, _ALL, _READ),
    "operators": (_SIGN_IN, _EDIT, _SIGN_IN),
    "settings": (_READ, _ALL, _READ),
    "gateway_accounts": (_COMPARED, _EDIT, _COMPARED),
    "gateway_cursors": (_READ, _EDIT, _EDIT),
    "installation": (_READ, _READ, _READ),
    "moves": (_READ, ("SELECT", "INSERT", "UPDATE (confirmed_at)"), _READ),
    "alembic_version": (_READ, _READ, _READ),
    "audit": (_TRAIL, _TRAIL, _TRAIL),
    "audit_seals": (_NONE, _WRITE, _WRITE),
}
# Functions that act with their owner's rights, and who may call them.
FUNCTIONS: dict[str, tuple[Role, ...]] = {"audit_newest_row()": (Role.ADMIN, Role.SERVICE)}


def rights(table: str) -> Mapping[Role, tuple[str, ...]]:
    """The rights of each group on a table."""
    return dict(zip((Role.AGENT, Role.ADMIN, Role.SERVICE), TABLES[table], strict=True))


def statements(schema: str, sequences: Mapping[str, str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The SQL that gives the groups these rights and no others, however often it is run.

    `sequences` are those that number the rows of a table, and `columns` the names of its columns, by table.
    """
    everybody = ", ".join(["PUBLIC", *GROUPS.values()])
    home = _quoted(schema)
    sql = [_create(group) for group in GROUPS.values()]
    sql += [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {home} FROM {everybody}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {home} FROM {everybody}",
        *(f"REVOKE ALL ON FUNCTION {home}.{function} FROM {everybody}" for function in FUNCTIONS),
        f"REVOKE CREATE ON SCHEMA {home} FROM {everybody}",
        f"GRANT USAGE ON SCHEMA {home} TO {', '.join(GROUPS.values())}",
    ]
    for table in TABLES:
        for role, granted in rights(table).items():
            if granted:
                wanted = ", ".join(granted).replace(NUMBERED, f"INSERT ({_all_but_id(columns[table])})")
                sql.append(f"GRANT {wanted} ON {home}.{_quoted(table)} TO {GROUPS[role]}")
            if table in sequences and any(right.startswith("INSERT") for right in granted):
                sql.append(f"GRANT USAGE ON SEQUENCE {home}.{_quoted(sequences[table])} TO {GROUPS[role]}")
    for function, roles in FUNCTIONS.items():
        sql.append(f"GRANT EXECUTE ON FUNCTION {home}.{function} TO {', '.join(GROUPS[role] for role in roles)}")
    return sql


def expected(columns: Mapping[str, Sequence[str]]) -> set[tuple[str, str, str, str]]:
    """The same rights, each as group, table, column (none for DELETE) and word. `columns` are those of each table."""
    found = set()
    for table in TABLES:
        for role, granted in rights(table).items():
            for right in granted:
                word, _, listed = right.replace(NUMBERED, f"INSERT ({_all_but_id(columns[table])})").partition(" (")
                every = [""] if word == "DELETE" else columns[table]
                names = listed.removesuffix(")").split(", ") if listed else every
                found |= {(GROUPS[role], table, name, word) for name in names}
    return found


def _all_but_id(columns: Sequence[str]) -> str:
    return ", ".join(column for column in columns if column != "id")


def _create(group: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{group}')"
        f" THEN CREATE ROLE {group} NOLOGIN; END IF; END $$"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
