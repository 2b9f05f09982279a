"""Find the phone switch of CSCTL_PHONE_SWITCH: a built-in one, or a plugin of another package."""

from __future__ import annotations

from collections.abc import Callable

from csctl.errors import Misconfigured
from csctl.phone.switch import PhoneSwitch

GROUP = "csctl.phone_switches"
_BUILT_IN = ("manual", "asterisk")


def open_switch(url: str) -> PhoneSwitch:
    """The switch for the scheme of a URL. Raises Misconfigured if there is none."""
    kind = url.partition(":")[0].lower()
    if kind == "manual":
        from csctl.phone.manual import Manual

        return Manual(url)
    if kind == "asterisk":
        from csctl.phone.asterisk import Asterisk

        return Asterisk(url)
    return _plugin(kind)(url)


def _plugin(kind: str) -> Callable[[str], PhoneSwitch]:
    from importlib.metadata import entry_points  # 37 ms, and the built-in ones do not need it

    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in found:
        # The value itself is not shown: it may contain a password.
        raise Misconfigured(
            "CSCTL_PHONE_SWITCH names no phone switch that is installed",
            cause=f"installed: {', '.join(sorted({*_BUILT_IN, *found}))}",
            fix="set it to manual: or to asterisk://…, or install the plugin",
        )
    try:
        plugin: Callable[[str], PhoneSwitch] = found[kind].load()
    except Exception as error:
        raise Misconfigured(
            f"the phone switch {kind} cannot be loaded",
            cause=type(error).__name__,
            fix="install it again, or ask its makers",
        ) from error
    return plugin
