"""Settings from the environment: where things are. What the shop decides is stored in the database.

Precedence: option, a file named by --env-file, environment, `.env`, profile, default. Every value has its origin.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote

from csctl import paths, profiles
from csctl.clock import parse_time
from csctl.errors import Misconfigured, Usage
from csctl.profiles import Profile, token_file

_DOT_ENV = Path(".env")
_Layer = tuple[str, Mapping[str, str]]
PREFIX = "CSCTL_"
GATEWAY = "CSCTL_GATEWAY_"
NAMES = (
    "CSCTL_DATABASE_URL",
    "CSCTL_READ_URL",
    "CSCTL_TOKEN",
    "CSCTL_MAIL_URL",
    "CSCTL_TEMPLATES_DIR",
    "CSCTL_PHONE_SWITCH",
    "CSCTL_NOW",
    "CSCTL_OUTPUT",
    "CSCTL_PROFILE",
    "NO_COLOR",
)
# Where a path begins in a value, whether it is relative, and whether it is percent-encoded there.
_RELATIVE_PATHS = (
    (re.compile(r"CSCTL_(?:DATABASE|READ)_URL=sqlite(?:\+\w+)?:///(?=[^/:?])"), False),
    (re.compile(rf"{GATEWAY}\w+=sandbox:(?=[^/?])"), True),
    (re.compile(r"CSCTL_MAIL_URL=file:(?=[^/~])"), False),
    (re.compile(r"CSCTL_TEMPLATES_DIR=(?=[^/~])"), False),
)
# From the first colon to the last @, including what is between: a user may be an email address, and it is better to
# hide too much than half a password. If the host is missing, text that is not a port may be a password.
_PASSWORD = re.compile(r"(://(?!/)[^:]*:).*(@)", re.DOTALL)
_WITHOUT_HOST = re.compile(r"(://(?![/\[])[^:@]*:)(?!\d{1,5}(?:[/?#,]|$))(?!.*@).+", re.DOTALL)
_SECRET_PARAMETER = re.compile(r"((?:password|secret|token|api_?key|key)\s*=\s*)[^&]*", re.IGNORECASE)
# Of an invalid URL, all from its first colon to its last @ is hidden, or to its end if it has two colons.
# Names of files contain no password.
_PROPER = re.compile(r"[a-z][a-z0-9+.-]*://(?!/)(?![^/]*%3a)|(?:sqlite(?:\+\w+)?:///|file:|sandbox:)", re.IGNORECASE)
_IMPROPER = re.compile(r"((?::|%3a)/*)(?:.*(?=@)|[^@]*:[^@]*$)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Settings:
    """Where this csctl finds its database, gateways and mail server. `origins` has the source of each value."""

    database_url: str
    token: str | None = field(repr=False, default=None)
    gateways: Mapping[str, str] = field(repr=False, default_factory=dict)
    mail_url: str | None = field(repr=False, default=None)
    templates_dir: Path | None = None
    phone_switch: str = "manual:"
    now: datetime | None = None
    read_url: str | None = None  # a read replica
    output: str | None = None
    no_color: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    # misspelled names that are set, and the probable correct ones
    mistyped: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    label: str | None = None  # the label of the profile
    warnings: tuple[str, ...] = ()

    def rows(self) -> list[Mapping[str, object]]:
        """Each value and its origin, secrets masked: what `config show` prints."""
        values: dict[str, str | None] = {
            "CSCTL_DATABASE_URL": mask(self.database_url),
            "CSCTL_READ_URL": mask(self.read_url) if self.read_url else None,
            "CSCTL_TOKEN": "***" if self.token else None,
            **{GATEWAY + name.upper(): mask_all(url, but="sandbox") for name, url in sorted(self.gateways.items())},
            "CSCTL_MAIL_URL": mask(self.mail_url) if self.mail_url else None,
            "CSCTL_TEMPLATES_DIR": str(self.templates_dir) if self.templates_dir else None,
            "CSCTL_PHONE_SWITCH": mask_all(self.phone_switch, but="manual"),
            "CSCTL_NOW": self.now.isoformat() if self.now else None,
            "CSCTL_OUTPUT": self.output,
            "CSCTL_PROFILE": self.profile,
            "NO_COLOR": self.no_color,
        }
        return [{"name": n, "value": v, "origin": self.origins.get(n, "default")} for n, v in values.items()]


def mask(url: str) -> str:
    """A URL without its password and secret parameters, in any form."""
    return mask_within(url if _PROPER.match(url) else _IMPROPER.sub(r"\1***", url, count=1))


def mask_within(text: str) -> str:
    """A text from outside, such as a driver's message, without the passwords of the URLs in it."""
    masked = _WITHOUT_HOST.sub(r"\1***", _PASSWORD.sub(r"\1***\2", text))
    return _SECRET_PARAMETER.sub(r"\1***", masked)


def mask_all(url: str, *, but: str) -> str:
    """A URL of a gateway or phone switch for printing: for every kind except `but`, all of it may be credentials."""
    kind, colon, _ = url.partition(":")
    return mask(url) if kind == but else f"{kind}:***" if colon else "***"


def load(
    environ: Mapping[str, str],
    *,
    options: Mapping[str, str | None] | None = None,
    env_file: Path | None = None,
    confined: bool = False,
) -> Settings:
    """Read the settings of this process. If it is `confined`, its caller is not the user whose files these are: `.env`
    and the tokens in files are left out.

    Raises Misconfigured for an invalid value, an unknown profile, or a file with secrets that other users can read.
    """
    folder = not confined and not _why_ignored(_DOT_ENV)
    layers, profile = _layers(environ, options or {}, env_file, folder=folder)
    if confined:
        layers = [(origin, _without_token(layer) if layer is not environ else layer) for origin, layer in layers]
    values, origins, mistyped = _collect(layers)
    if "CSCTL_DATABASE_URL" not in values:
        values["CSCTL_DATABASE_URL"] = default_database_url()
    name = profile.name if profile else None
    if not confined and "CSCTL_TOKEN" not in values and (kept := _kept_token(name)):
        values["CSCTL_TOKEN"], origins["CSCTL_TOKEN"] = kept
    templates = values.get("CSCTL_TEMPLATES_DIR")
    return Settings(
        database_url=values["CSCTL_DATABASE_URL"],
        token=values.get("CSCTL_TOKEN"),
        gateways={k.removeprefix(GATEWAY).lower(): v for k, v in values.items() if k.startswith(GATEWAY)},
        mail_url=values.get("CSCTL_MAIL_URL"),
        templates_dir=Path(templates) if templates else None,
        phone_switch=values.get("CSCTL_PHONE_SWITCH", "manual:"),
        now=_now(values.get("CSCTL_NOW")),
        read_url=values.get("CSCTL_READ_URL"),
        output=values.get("CSCTL_OUTPUT"),
        no_color=values.get("NO_COLOR"),
        origins=origins,
        mistyped=mistyped,
        profile=name,
        label=profile.label if profile else None,
        warnings=(*_overridden(profile, origins, values), *(() if env_file or confined else _ignored())),
    )


def _without_token(layer: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in layer.items() if name != "CSCTL_TOKEN"}


def _layers(
    environ: Mapping[str, str], options: Mapping[str, str | None], env_file: Path | None, *, folder: bool
) -> tuple[list[_Layer], Profile | None]:
    """The sources of values, the strongest last, and the profile among them. `folder`: `.env`, too."""
    given = {name: value for name, value in options.items() if value is not None}
    in_file = [] if env_file is None else [(str(env_file), _read_named_file(env_file))]
    in_folder = [(".env", _read_env_file(_DOT_ENV))] if folder and not env_file else []
    stronger: list[_Layer] = [*in_folder, ("environment", environ), *in_file, ("option", given)]
    known = profiles.load()
    wanted = next((layer["CSCTL_PROFILE"] for _, layer in reversed(stronger) if layer.get("CSCTL_PROFILE")), None)
    if not (name := wanted or known.current):
        return stronger, None
    profile = known.named(name)
    origin = f"profile {name}"
    weaker: list[_Layer] = [("profile", {"CSCTL_PROFILE": name})]
    if profile.env_file:
        weaker.append((f"{origin}: {profile.env_file}", _read_named_file(profile.env_file)))
    if profile.database:
        weaker.append((origin, {"CSCTL_DATABASE_URL": profile.database}))
    return [*weaker, *stronger], profile


def _overridden(profile: Profile | None, origins: Mapping[str, str], values: Mapping[str, str]) -> Iterator[str]:
    """A warning if the database of a profile is not the one in use."""
    if profile and profile.database and values["CSCTL_DATABASE_URL"] != profile.database:
        origin = origins["CSCTL_DATABASE_URL"]
        used = mask(values["CSCTL_DATABASE_URL"])
        yield f"Warning: the database is {used} ({origin}), and not that of the profile {profile.name}."


def preference(name: str, environ: Mapping[str, str], env_file: Path | None = None) -> str | None:
    """A value that controls printing. It never raises: errors are printed with it too."""
    in_file: Mapping[str, str] = {}
    with suppress(Misconfigured, OSError):
        in_file = {} if env_file is None and _why_ignored(_DOT_ENV) else _values_in(env_file or _DOT_ENV)
    sources = (in_file, environ) if env_file else (environ, in_file)
    return next((value for source in sources if (value := source.get(name))), None)


def default_database_url() -> str:
    """The default database: a file of the user. Raises Misconfigured if there is no home directory."""
    try:
        return f"sqlite:///{paths.of_user('data') / 'csctl.db'}"
    except Misconfigured as error:
        raise Misconfigured(
            "CSCTL_DATABASE_URL is not set", cause=error.cause, fix="set CSCTL_DATABASE_URL, or HOME"
        ) from None


def _collect(layers: Sequence[_Layer]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Collect the values, the source of each, and the names that look misspelled."""
    import difflib  # no completion needs it

    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    mistyped: dict[str, str] = {}
    for origin, layer in layers:
        for name, value in layer.items():
            if (name in NAMES or name.startswith(GATEWAY)) and value:
                values[name], origins[name] = value, origin
            elif name.startswith(PREFIX) and (meant := difflib.get_close_matches(name, NAMES, n=1, cutoff=0.8)):
                mistyped[name] = meant[0]
    return values, origins, {name: meant for name, meant in mistyped.items() if name not in NAMES}


def _read_named_file(path: Path) -> dict[str, str]:
    """Read a named file. Relative paths in it begin at its own folder, so that it means the same in every directory."""
    if not _can_be_read(path):
        raise Misconfigured(f"there is no file {path}", fix="name another --env-file")
    folder = path.absolute().parent if path.is_file() else Path.cwd()
    return {name: _anchored(name, value, folder) for name, value in _read_env_file(path).items()}


def _can_be_read(path: Path) -> bool:
    """Whether this is a file, or a pipe such as /dev/fd/3."""
    return path.exists() and not path.is_dir()


def _anchored(name: str, value: str, folder: Path) -> str:
    for begins, encoded in _RELATIVE_PATHS:
        if match := begins.match(f"{name}={value}"):
            place = match.end() - len(name) - 1
            return f"{value[:place]}{quote(str(folder)) if encoded else folder}/{value[place:]}"
    return value


def _why_ignored(path: Path) -> str | None:
    """Why `.env` of the working directory is not read: in a folder such as /tmp another user may have created it."""
    if os.name != "posix" or not path.is_file() or path.stat().st_uid in (os.geteuid(), 0):
        return None
    return "it belongs to another user"


def _ignored() -> Iterator[str]:
    if why := _why_ignored(_DOT_ENV):
        yield f"Warning: ./.env is not read: {why}."


def _read_env_file(path: Path) -> dict[str, str]:
    if not _can_be_read(path):
        return {}
    found = _values_in(path)
    if path == _DOT_ENV and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o022:
        raise Misconfigured(
            "others can write ./.env, so csctl does not use it",
            cause=f"its mode is {stat.S_IMODE(path.stat().st_mode):04o}",
            fix="chmod 600 .env",
        )
    if any(_is_secret(name, value) for name, value in found.items()):
        refuse_if_others_read(path)
    return found


def _values_in(path: Path) -> dict[str, str]:
    if not _can_be_read(path):
        return {}
    from dotenv import dotenv_values

    with _read_as_text(path):
        text = path.read_text(encoding="utf-8") if path.is_file() else _from_pipe(path, path.stat().st_ino)
    # not interpolated: a password may contain "${"
    found = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


@cache
def _from_pipe(path: Path, _inode: int) -> str:
    """Read a pipe, which is possible only once."""
    return path.read_text(encoding="utf-8")


def _is_secret(name: str, value: str) -> bool:
    """Whether a value contains credentials. `KIND:@/path` names the file that does."""
    kind, _, rest = value.partition(":")
    if name.startswith(GATEWAY) or name == "CSCTL_PHONE_SWITCH":
        return kind not in ("", "sandbox", "manual") and not rest.startswith("@/")
    if name == "CSCTL_TOKEN":
        return bool(value)
    return name.startswith(PREFIX) and name.endswith("_URL") and mask(value) != value


def _kept_token(profile: str | None) -> tuple[str, str] | None:
    """The token that `csctl login` stored, and its file."""
    try:
        path = token_file(profile)
    except Misconfigured:  # there is none without a home directory
        return None
    if not path.is_file():
        return None
    refuse_if_others_read(path)
    with _read_as_text(path):
        token = path.read_text(encoding="utf-8").strip()
    return (token, str(path)) if token else None


@contextmanager
def _read_as_text(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise Misconfigured(f"{path} is not UTF-8", fix="save it as UTF-8") from None


def refuse_if_others_read(path: Path) -> None:
    """Raises Misconfigured if the group or other users can access a file with secrets.

    The group may read what root provides, as orchestrators mount secrets (0440): a file of root that no user can write,
    or that this user does not own.
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    provided = found.st_uid == 0 and (not mode & 0o222 or (os.name == "posix" and os.geteuid() != 0))
    if os.name == "posix" and mode & (0o037 if provided else 0o077):
        raise Misconfigured(
            f"{path} holds secrets, and others can access it",
            cause=f"its mode is {stat.S_IMODE(path.stat().st_mode):04o}",
            fix=f"chmod 600 {path}",
        )


def _now(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except Usage as error:
        raise Misconfigured(f"CSCTL_NOW: {error.message}", fix=error.fix) from None
