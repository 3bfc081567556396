"""Quality of service: how a handset's CPU is split among its guests, in MIPS."""

from pocketvisor.scheduler.qos import Qos, SchedulerNow, ShareNow
from pocketvisor.scheduler.scheduler import Runner, Scheduler
from pocketvisor.scheduler.shares import Demand, split

__all__ = ["Demand", "Qos", "Runner", "Scheduler", "SchedulerNow", "ShareNow", "split"]
