"""`asterisk://USER:SECRET@HOST[:PORT]?extension=SIP/1001&context=from-internal`: calls through an Asterisk.

Originate rings the agent's extension, and once that is answered, dials the customer in the context.
"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from csctl.errors import CsctlError, GatewayRefused, Misconfigured, OutcomeUnknown, Unreachable
from csctl.phone import ami
from csctl.phone.switch import Placed

_SLACK_SECONDS = 10  # seconds after the ringing, for the answer to arrive
_KNOWN = {"extension", "context", "tls", "ring", "plus"}
_EXAMPLE = "asterisk://user:secret@host?extension=SIP/1001&context=from-internal"


class Asterisk:
    """Calls through an Asterisk. Parameters of the URL, beside those above:

    `tls` on (the default, port 5039) or off (port 5038); `ring` seconds that the agent's phone rings (30); `plus` what
    is dialled in place of a leading + (such as `00`; by default, the + is dialled).
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            given = parse_qs(parts.query, strict_parsing=bool(parts.query))
            port = parts.port
        except ValueError:
            raise _wrong("it cannot be read as a URL") from None
        if unknown := sorted(set(given) - _KNOWN):
            raise _wrong(f"it has no parameter {unknown[0]}")
        options = {name: values[-1] for name, values in given.items()}
        if not (parts.hostname and parts.username and parts.password):
            raise _wrong("it needs user, secret and host")
        if "extension" not in options:
            raise _wrong("it names no extension: the agent's phone")
        self._host, self._user, self._secret = parts.hostname, unquote(parts.username), unquote(parts.password)
        self._tls = _on_or_off(options.get("tls", "on"))
        self._port = port or (5039 if self._tls else 5038)
        self._extension, self._context = options["extension"], options.get("context", "from-internal")
        self._ring, self._plus = _seconds(options.get("ring", "30")), options.get("plus", "+")
        if not all(v.isprintable() for v in (self._user, self._secret, self._extension, self._context, self._plus)):
            raise _wrong("it holds a character that cannot be printed")

    def call(self, number: str, *, operator: str) -> Placed:
        """Ring the agent, then dial. Returns once the agent has answered."""
        with ami.connected(self._host, self._port, tls=self._tls) as line:
            self._log_in(line)
            answer = self._originate(line, number, operator)
            line.leave()
        if not _succeeded(answer):
            raise _refusal(answer)
        return Placed("the agent's phone answered, and the number was dialled")

    def _log_in(self, line: ami.Connection) -> None:
        login = {"Action": "Login", "Username": self._user, "Secret": self._secret, "Events": "off"}
        if not _succeeded(line.ask(login)):
            raise Misconfigured(
                f"the phone switch {self._host} refuses these credentials",
                fix="check user and secret in CSCTL_PHONE_SWITCH, and manager.conf of the switch",
            )

    def _originate(self, line: ami.Connection, number: str, operator: str) -> ami.Message:
        """Send the action. From here on the agent's phone may ring, also if the connection breaks."""
        wanted = self._plus + number[1:] if number.startswith("+") else number
        action = {
            "Action": "Originate",
            "Channel": self._extension,
            "Context": self._context,
            "Exten": wanted,
            "Priority": "1",
            "CallerID": f'"csctl" <{wanted}>',
            "Account": "".join(char for char in operator if char.isprintable()),
            "Timeout": str(self._ring * 1000),
        }
        try:
            return line.ask(action, seconds=self._ring + _SLACK_SECONDS)
        except (OSError, Unreachable) as error:
            raise OutcomeUnknown(
                f"the phone switch {self._host} was asked to call, and did not answer",
                cause=str(error),
                fix="see whether your phone rings before you try again",
            ) from None


def _succeeded(answer: ami.Message) -> bool:
    return answer["response"].lower() == "success"


def _refusal(answer: ami.Message) -> CsctlError:
    said = answer.get("message", "no reason given")
    if "permission denied" in said.lower():
        return Misconfigured(
            "the phone switch does not let csctl call",
            cause=said,
            fix="give its user write = originate in manager.conf of the switch",
        )
    return GatewayRefused("the phone switch did not place the call", cause=said, fix="answer your phone when it rings")


def _on_or_off(word: str) -> bool:
    if word not in ("on", "off"):
        raise _wrong("tls is on or off")
    return word == "on"


def _seconds(word: str) -> int:
    if not (word.isdecimal() and 1 <= int(word) <= 300):
        raise _wrong("ring is a number of seconds, 300 at most")
    return int(word)


def _wrong(why: str) -> Misconfigured:
    """An error without the URL itself, which contains the secret."""
    return Misconfigured("CSCTL_PHONE_SWITCH cannot be used", cause=why, fix=f"write it like {_EXAMPLE}")
