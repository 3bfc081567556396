"""What a policy says to each act: nothing where it is allowed, else a sentence. Pure, and all in one table,
so that what a door asks, what a preview shows and what an editor explains are the same."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pocketvisor.policies.act import Act
from pocketvisor.policies.document import Policy

Details = Mapping[str, Any]


class Effect(NamedTuple):
    """A line of a preview: what, whether, and why not or how."""

    what: str
    allowed: bool
    sentence: str


def refusal(policy: Policy, act: Act, details: Details) -> str:
    """Empty where the policy allows it."""
    said = _RULES[act](policy, details) if act in _RULES else ""
    return f"{policy.owner}'s policy {said}" if said else ""


# Each says what comes after "Acme's policy": empty, or "allows no screenshots of this phone".


def _run(policy: Policy, details: Details) -> str:
    """`model`: the handset's; something with an id, a name, mips and ram_mib."""
    needs, model = policy.handset, details.get("model")
    if model is None:
        return ""
    if needs.models and model.id not in needs.models:
        return f"lets this phone run on {_few(needs.models)} alone: this handset is '{model.id}'"
    if model.mips < needs.mips:
        return f"asks for a handset of at least {needs.mips} MIPS: {model.name} has {model.mips}"
    if model.ram_mib < needs.ram_mib:
        return f"asks for a handset with at least {needs.ram_mib} MiB: {model.name} has {model.ram_mib}"
    return ""


def _screenshot(policy: Policy, _details: Details) -> str:
    return "" if policy.screen.screenshots else "allows no screenshots of this phone"


def _record(policy: Policy, _details: Details) -> str:
    return "" if policy.screen.recording else "allows no recordings of this phone"


def _copy_out(policy: Policy, _details: Details) -> str:
    return "" if policy.clipboard.direction in ("out", "both") else "lets nothing be copied out of this phone"


def _copy_in(policy: Policy, _details: Details) -> str:
    return "" if policy.clipboard.direction in ("in", "both") else "lets nothing be pasted into this phone"


def _files_in(policy: Policy, _details: Details) -> str:
    return "" if policy.clipboard.files_in else "lets no files into this phone"


def _network(policy: Policy, details: Details) -> str:
    """Without details: whether there is any network. `host`: a name or an address; `port`."""
    network = policy.network
    if network.mode == "off":
        return "allows this phone no network"
    host, port = details.get("host"), int(details.get("port") or 0)
    if host is None or network.mode == "any":
        return ""
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        address = None
    if network.mode == "vpn":
        end = network.endpoint
        same = end is not None and (
            address == end.address if address is not None else str(host).lower() == end.name
        )
        return (
            ""
            if same and end is not None and port in (0, end.port)
            else "lets this phone reach its VPN alone"
        )
    for allowed in network.allowed_hosts:
        named = allowed.has_name(str(host)) if address is None else allowed.has_address(address)
        if named and (not port or allowed.has_port(port)):
            return ""
    return f"does not let this phone reach {str(host)[:80]}"


def _camera(policy: Policy, _details: Details) -> str:
    return "" if policy.phone.camera else "allows this phone no camera"


def _location(policy: Policy, _details: Details) -> str:
    return "" if policy.phone.location else "does not let this phone know where it is"


def _debug(policy: Policy, _details: Details) -> str:
    return "" if policy.debugger.allowed else "allows no debugging of this phone"


def _console(policy: Policy, _details: Details) -> str:
    return "" if policy.debugger.console else "closes this phone's console"


def _export(policy: Policy, details: Details) -> str:
    """`to`: whom it is for: an age recipient, a vault's address, a machine's fingerprint, or several in a
    sequence; all have to be listed."""
    export = policy.export
    if export.allowed == "yes":
        return ""
    if export.allowed == "no":
        return "allows no copies of this phone outside this computer"
    to = details.get("to") or ()
    named = [to] if isinstance(to, str) else list(to)
    if not named:
        return "allows copies of this phone only to those it lists, and this one is for nobody of them"
    listed = {each.casefold() for each in export.to}
    for each in named:
        if str(each).casefold() not in listed:
            return f"allows no copies of this phone for {str(each)[:80]}"
    return ""


def _clone(policy: Policy, _details: Details) -> str:
    return "" if policy.export.clone else "allows no clones of this phone"


def _move(policy: Policy, details: Details) -> str:
    """To a handset, as in RUN; with `to`, a machine, as in EXPORT."""
    if details.get("to") is not None and (said := _export(policy, details)):
        return said
    return _run(policy, details)


def _share_memory(policy: Policy, _details: Details) -> str:
    return "" if policy.memory.share else "lets this phone share no memory with others"


def _call_service(policy: Policy, details: Details) -> str:
    """`service`: its name."""
    allowed = policy.services.allowed
    if allowed is True:
        return ""
    if allowed is False or not allowed:
        return "lets this phone call no services of other guests"
    service = details.get("service")
    if service is None or service in allowed:
        return ""
    return f"does not let this phone call the service '{str(service)[:64]}'"


_RULES: Final[dict[Act, Callable[[Policy, Details], str]]] = {
    Act.RUN: _run,
    Act.SCREENSHOT: _screenshot,
    Act.RECORD: _record,
    Act.COPY_OUT: _copy_out,
    Act.COPY_IN: _copy_in,
    Act.FILES_IN: _files_in,
    Act.NETWORK: _network,
    Act.CAMERA: _camera,
    Act.LOCATION: _location,
    Act.DEBUG: _debug,
    Act.CONSOLE: _console,
    Act.EXPORT: _export,
    Act.CLONE: _clone,
    Act.MOVE: _move,
    Act.SHARE_MEMORY: _share_memory,
    Act.CALL_SERVICE: _call_service,
}
"""An act without a rule would be one that no policy can forbid: a test goes through them all."""


def effects(policy: Policy) -> list[Effect]:
    """What each side may do, for whoever is about to sign or apply it."""
    if policy.release:
        return [Effect("Everything", True, "The phone is released: nobody governs it any more")]
    network, check_in, needs, hours = policy.network, policy.check_in, policy.handset, policy.hours
    reach = {
        "any": "The phone reaches whatever it likes",
        "off": "The phone reaches nothing, and nobody reaches it",
        "vpn": f"The phone reaches its VPN at {network.vpn}, and nothing else",
        "hosts": f"The phone reaches {_few(network.hosts)}, and nothing else",
    }[network.mode]
    copies = {
        "yes": "The user may export the phone, keep copies in vaults and send it to other machines",
        "no": "No copy of the phone leaves this computer",
        "listed": f"Copies of the phone go to {_few(policy.export.to)} alone",
    }[policy.export.allowed]
    found = [
        _yes_no(policy, Act.COPY_OUT, "Copying out", "Text copied in the phone may be pasted elsewhere"),
        _yes_no(policy, Act.COPY_IN, "Pasting in", "Text copied elsewhere may be pasted into the phone"),
        _yes_no(policy, Act.FILES_IN, "Files in", "The user may give the phone files"),
        _yes_no(policy, Act.SCREENSHOT, "Screenshots", "The user may take pictures of the screen"),
        _yes_no(policy, Act.RECORD, "Recordings", "The user may record the phone, and step back in time"),
        Effect("Network", network.mode != "off", reach),
        _yes_no(policy, Act.CAMERA, "Camera", "The phone has its camera"),
        _yes_no(policy, Act.LOCATION, "Location", "The phone knows where it is"),
        _yes_no(policy, Act.DEBUG, "Debugger", "The user may look into the phone and change it"),
        _yes_no(policy, Act.CONSOLE, "Console", "The user has the phone's serial console"),
        Effect("Copies", policy.export.allowed != "no", copies),
        _yes_no(policy, Act.CLONE, "Clones", "The user may clone the phone"),
        _yes_no(
            policy, Act.SHARE_MEMORY, "Shared memory", "Equal pages of memory may be shared with other guests"
        ),
    ]
    services = policy.services.allowed
    if isinstance(services, tuple) and services:
        found.append(Effect("Services", True, f"The phone may call {_few(services)} in other guests"))
    else:
        found.append(
            _yes_no(policy, Act.CALL_SERVICE, "Services", "The phone may call services of other guests")
        )
    wants = []
    if needs.mips:
        wants.append(f"at least {needs.mips} MIPS")
    if needs.ram_mib:
        wants.append(f"at least {needs.ram_mib} MiB of memory")
    if needs.models:
        wants.append(f"one of the models {_few(needs.models)}")
    said = f"It runs on a handset with {', '.join(wants)}" if wants else "It runs on any handset"
    found.append(Effect("Handset", True, said))
    if policy.lock.idle_minutes:
        found.append(
            Effect("Idle lock", True, f"It is locked when nobody used it for {policy.lock.idle_minutes} min")
        )
    if check_in.every_hours:
        sentence = f"IT has to be heard of every {check_in.every_hours} h, or the phone is locked"
        if check_in.wipe_after_hours:
            sentence += f"; after {check_in.wipe_after_hours} h it is wiped"
        found.append(Effect("Check-in", True, sentence))
    if not hours.always:
        days = "every day" if len(set(hours.days)) == 7 else ", ".join(hours.days)
        found.append(Effect("Hours", True, f"It runs {days}, {hours.start} to {hours.end} ({hours.zone})"))
    if policy.power.low_percent:
        found.append(
            Effect(
                "Power",
                True,
                f"In the background and below {policy.power.low_percent} % of the battery it has at most"
                f" {policy.power.background_mips} MIPS",
            )
        )
    if policy.header.expires is not None:
        found.append(
            Effect("Expiry", True, f"From {policy.header.expires:%Y-%m-%d %H:%M %Z} on it is locked")
        )
    return found


def _yes_no(policy: Policy, act: Act, what: str, sentence: str) -> Effect:
    said = refusal(policy, act, {})
    return Effect(what, not said, said or sentence)


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
