"""A small Asterisk: a server on loopback that speaks the Manager Interface as the real one does."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SECRET = "s3cret:with@signs"

Action = dict[str, str]


@dataclass
class Manager:
    """What the server answers, and what it heard. `originate` is the response to Originate; None hangs up instead."""

    port: int = 0
    originate: list[str] | None = field(
        default_factory=lambda: ["Response: Success", "Message: Originate successfully queued"]
    )
    greeting: str = "Asterisk Call Manager/9.0.0"
    heard: list[Action] = field(default_factory=list)

    def url(self, *, user: str = "csctl", secret: str = "s3cret%3Awith%40signs", more: str = "") -> str:
        host = f"{user}:{secret}@127.0.0.1:{self.port}"
        return f"asterisk://{host}?extension=SIP/1001&context=from-internal&tls=off{more}"


class _Handler(socketserver.StreamRequestHandler):
    """One connection. `manager` is set on a subclass for each server."""

    manager: Manager

    def handle(self) -> None:
        self._say([self.manager.greeting], end="")
        for action in self._actions():
            self.manager.heard.append(action)
            if not self._answer(action):
                return

    def _actions(self) -> Iterator[Action]:
        """Headers up to an empty line are one action; of a header that comes twice, the last one counts."""
        action: Action = {}
        for raw in self.rfile:
            if line := raw.decode().rstrip("\r\n"):
                name, _, value = line.partition(":")
                action[name.strip().lower()] = value.strip()
            elif action:
                yield action
                action = {}

    def _answer(self, action: Action) -> bool:
        number = f"ActionID: {action.get('actionid', '')}"
        match action.get("action", "").lower():
            case "login" if (action["username"], action["secret"]) == ("csctl", SECRET):
                self._say(["Response: Success", number, "Message: Authentication accepted"])
                self._say(["Event: FullyBooted", "Privilege: system,all", "Status: Fully Booted"])
                return True
            case "login":
                self._say(["Response: Error", number, "Message: Authentication failed"])
                return False
            case "originate" if self.manager.originate is not None:
                self._say(["Event: Newchannel", "Channel: SIP/1001-00000001"])
                self._say([self.manager.originate[0], number, *self.manager.originate[1:]])
                return True
            case "logoff":
                self._say(["Response: Goodbye", number, "Message: Thanks for all the fish."])
        return False

    def _say(self, lines: list[str], end: str = "\r\n") -> None:
        self.wfile.write(("".join(f"{line}\r\n" for line in lines) + end).encode())


@contextmanager
def running(manager: Manager) -> Iterator[Manager]:
    """The server, for the length of a block, on a free port of loopback."""
    handler = type("Handler", (_Handler,), {"manager": manager})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        manager.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield manager
        server.shutdown()
        thread.join()
