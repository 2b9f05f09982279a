"""The triggers that protect the audit log, literally as each database reports them.

The migrations created them. A check compares the whole definition: a changed trigger can look similar and do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

_SAYS = "'the audit trail is append-only'"
_SQLITE = {
    "audit_no_update": "BEFORE UPDATE ON audit",
    "audit_no_delete": "BEFORE DELETE ON audit",
    "audit_no_replace": "BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)",
    "audit_seals_no_update": "BEFORE UPDATE ON audit_seals",
    "audit_seals_no_delete": "BEFORE DELETE ON audit_seals",
    "audit_seals_no_replace": "BEFORE INSERT ON audit_seals WHEN EXISTS (SELECT 1 FROM audit_seals"
    " WHERE number = NEW.number OR previous = NEW.previous OR hash = NEW.hash)",
}
_POSTGRESQL = {
    "audit_no_change": "BEFORE DELETE OR UPDATE ON audit FOR EACH ROW",
    "audit_no_truncate": "BEFORE TRUNCATE ON audit FOR EACH STATEMENT",
    "audit_seals_no_change": "BEFORE DELETE OR UPDATE ON audit_seals FOR EACH ROW",
    "audit_seals_no_truncate": "BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT",
}
_ACCEPTABLE = """CREATE TRIGGER audit_acceptable BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_acceptable()
    BEGIN
        IF NEW.at NOT BETWEEN '1900-01-01' AND '9000-01-01' OR json_typeof(NEW.changes) <> 'object'
           OR octet_length(NEW::text) > 100000 THEN
            RAISE EXCEPTION 'no row of the audit trail looks like this';
        END IF;
        IF NEW.at NOT BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '10 minutes'
           AND EXISTS (SELECT FROM installation WHERE NOT rehearsal) THEN
            RAISE EXCEPTION 'the clocks of this host and of the database are more than ten minutes apart'
                USING ERRCODE = 'CS001';
        END IF;
        IF NEW.command = 'audit seal' AND NEW.outcome = 'created'
           AND NOT has_table_privilege('audit_seals', 'INSERT') THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to tell of seals';
        END IF;
        RETURN NEW;
    END"""

_NEXT = """CREATE TRIGGER audit_seals_next BEFORE INSERT ON audit_seals FOR EACH ROW
    EXECUTE FUNCTION audit_seals_next()
    BEGIN
        IF NEW.number <> (SELECT COALESCE(max(number), 0) + 1 FROM audit_seals)
           OR NEW.last_id > (SELECT max(id) FROM audit) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to add a seal that is not the next one';
        END IF;
        RETURN NEW;
    END"""

# database -> trigger -> its definition
TRIGGERS: Mapping[str, Mapping[str, str]] = {
    "sqlite": {
        name: f"CREATE TRIGGER {name} {event} BEGIN SELECT RAISE(ABORT, {_SAYS}); END"
        for name, event in _SQLITE.items()
    },
    "postgresql": {
        **{
            name: f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION audit_append_only()"
            f" BEGIN RAISE EXCEPTION {_SAYS}; END"
            for name, event in _POSTGRESQL.items()
        },
        "audit_acceptable": _ACCEPTABLE,
        "audit_seals_next": _NEXT,
    },
}


def same(one: str, other: str) -> bool:
    """Whether two definitions are equal except for line breaks."""
    return one.split() == other.split()
