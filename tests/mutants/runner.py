"""Runs pytest many times, each time in a fork of a process that has imported what no mutant changes.

A start of Python with SQLAlchemy and pytest costs more than most tests. One line of standard input asks for a run:
`folder`, `arguments`, `env`, and `seconds` after which it is killed. One line of output is its exit code, negative for
a signal; what it prints goes to the file `log` in the folder. Nothing of csctl may be imported here.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any

_UNCHANGED = """
    pytest sqlalchemy.orm sqlalchemy.dialects.sqlite sqlalchemy.dialects.postgresql alembic.command
    psycopg click jinja2.sandbox babel.numbers babel.dates phonenumbers email_validator pycountry iso4217 wcwidth
    tabulate anyascii platformdirs dotenv pexpect aiosmtpd.controller
"""


def serve() -> None:
    """Until standard input is closed. What is compiled is kept: one file of the code differs between two runs."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in _UNCHANGED.split():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            _run(json.loads(line))
        _, status = os.waitpid(number, 0)
        with suppress(ProcessLookupError):  # what it started, too: a mutant may loop for ever there
            os.killpg(number, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(request: dict[str, Any]) -> None:
    """Become the test run, and end with its exit code."""
    import pytest

    os.setpgid(0, 0)
    signal.alarm(request["seconds"])
    os.chdir(request["folder"])
    os.environ.update(request["env"])
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    sys.path[:] = [request["folder"], *(folder for folder in sys.path[1:])]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    try:
        code = int(pytest.main(request["arguments"]))
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
