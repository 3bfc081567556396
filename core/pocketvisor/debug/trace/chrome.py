"""A timeline of exceptions and interrupts for chrome://tracing, Perfetto and speedscope."""

import json
from collections.abc import Iterable

from pocketvisor.debug.trace.exceptions import Event, Span

_SHOWN = frozenset({"undefined", "supervisor call", "prefetch abort", "data abort", "hypercall", "input"})


def chrome_trace(spans: Iterable[Span], events: Iterable[Event], name: str = "guest") -> str:
    """Times are the guest's, in microseconds."""
    rows: list[dict[str, object]] = [
        {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": name}},
        *(
            {"name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": {"name": text}}
            for tid, text in ((1, "interrupts"), (2, "waiting"), (3, "exceptions"))
        ),
    ]
    rows += [
        {
            "name": span.name,
            "cat": span.kind,
            "ph": "X",
            "pid": 1,
            "tid": 2 if span.kind == "waiting" else 1,
            "ts": span.begin_ns / 1000,
            "dur": span.duration_ns / 1000,
            "args": {"begin": span.begin, "end": span.end},
        }
        for span in spans
    ]
    rows += [
        {
            "name": event.kind,
            "cat": event.kind,
            "ph": "i",
            "s": "t",
            "pid": 1,
            "tid": 3,
            "ts": event.clock_ns / 1000,
            "args": {"pc": f"0x{event.pc:08x}", "position": event.position, "text": event.text},
        }
        for event in events
        if event.kind in _SHOWN
    ]
    return json.dumps({"displayTimeUnit": "ns", "traceEvents": rows})
