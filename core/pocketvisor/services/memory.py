"""What an open workbench does when it is asked about a handset's RAM among its guests."""

from pocketvisor.control.memory_calls import MemoryRequest, MemoryShown, SearchMemory, ShareMemory
from pocketvisor.handset import Handset


async def answer(handset: Handset, request: MemoryRequest) -> MemoryShown:
    if isinstance(request, ShareMemory):
        await handset.memory.set_share(request.on)
    elif isinstance(request, SearchMemory):
        await handset.memory.search()
    return MemoryShown(handset=handset.name, memory=handset.memory.now())
