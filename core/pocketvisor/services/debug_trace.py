"""Of `pocketvisor debug`: what a guest did, as rows and as files for other programs."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, cast

import msgspec

from pocketvisor.control import debug_calls as calls
from pocketvisor.debug.trace.counters import TEXTS
from pocketvisor.debug.trace.trace import Format, Trace
from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest
from pocketvisor.services.debug_places import standing

_FORMATS = {"coverage": ("drcov", "lcov"), "profile": ("folded", "svg", "html"), "exceptions": ("chrome",)}


async def set_tracing(guest: Guest, request: calls.SetTracing) -> calls.Standing:
    trace = guest.debugger.trace
    if request.kinds:
        await trace.start(request.kinds)
        return await standing(guest, f"traced: {', '.join(request.kinds)}")
    await trace.stop()
    return await standing(guest, "not traced")


async def trace(guest: Guest, request: calls.AskTrace) -> calls.Written | list[Any]:
    """Rows, the newest of what happened and the most of what was counted."""
    found = guest.debugger.trace
    if request.path:
        forms = _FORMATS.get(request.what, ())
        form = request.format or (forms[0] if forms else "")
        if form not in forms:
            raise DebugError(f"There is no form '{form}' for {request.what}")
        path = Path(request.path)
        if request.what == "profile":
            await found.profile_with_callers()

        def export() -> int:
            found.export(path, cast("Format", form))
            return path.stat().st_size

        return calls.Written(str(path), await asyncio.to_thread(export))
    match request.what:
        case "mmio":
            return list(found.mmio(request.limit))
        case "exceptions":
            return list(found.exceptions(request.limit))
        case "coverage":
            return _covered(found, request.limit)
        case "profile":
            await found.profile_with_callers()
            return _profiled(found, request.limit)
    return await _counted(found)


def _covered(trace: Trace, limit: int) -> list[dict[str, Any]]:
    """By function, those of which most was executed first."""
    blocks: Counter[str] = Counter()
    size: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    for block in trace.coverage().executed:
        name = trace.function_name(block.start) or f"0x{block.start & ~0xFFF:08x}.."
        blocks[name] += 1
        size[name] += block.size
        runs[name] += block.runs
    return [
        {"name": name, "blocks": blocks[name], "bytes": count, "runs": runs[name]}
        for name, count in size.most_common(limit)
    ]


def _profiled(trace: Trace, limit: int) -> list[dict[str, Any]]:
    profile = trace.profile()
    whole = max(1, len(profile.samples))
    return [
        {"name": each.name, "self": each.own / whole, "total": each.total / whole, "samples": each.total}
        for each in profile.functions(trace.function_name)[:limit]
    ]


async def _counted(trace: Trace) -> list[dict[str, Any]]:
    counters = await trace.counters()
    rows = [{"name": TEXTS.get(name, name), "count": count} for name, count in counters.totals.items()]
    rows += [{"name": f"{kind} taken", "count": count} for kind, count in counters.exceptions.items()]
    for device in counters.devices:
        more = msgspec.to_builtins(device)
        rows.append({"name": f"accesses of {device.device}", "count": device.accesses, **more})
    return rows
