"""What the tests see: each rule broken in turn, in a copy, and the tests that could notice it run.

    python -m tests.mutants              all of them; prints what survived, and exits with 1 if anything did
    python -m tests.mutants 2.4 lock:    those whose name begins so

`rules.toml` names every rule and how it is broken, `security.toml` the guards behind docs/security.md. `found.py` finds
by itself what guards the data: CHECK constraints, unique indexes, triggers, row locks and fences.
"""
