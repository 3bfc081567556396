"""What a guest is promised of its handset's CPU, in MIPS, and what it got of it lately.

The structs are those of the control protocol, so that a front end shows the same, near or far.
"""

from pocketvisor.control.qos_calls import (
    BOOST_MOST,
    MIPS_MOST,
    RESPONSE_LEAST_MS,
    RESPONSE_MOST_MS,
    SHARES,
    SHARES_MOST,
    Qos,
    SchedulerNow,
    ShareNow,
)

__all__ = [
    "BOOST_MOST",
    "MIPS_MOST",
    "RESPONSE_LEAST_MS",
    "RESPONSE_MOST_MS",
    "SHARES",
    "SHARES_MOST",
    "Qos",
    "SchedulerNow",
    "ShareNow",
]
