"""The pytest plugin: fixtures that put guests on handsets, and evidence of what they did when a test fails.

pytest loads this module in every project that has Pocketvisor beside it, so it imports nothing of
Pocketvisor before a fixture is asked for, and runs nothing of its own. GUIDE.md is for those who use it.
"""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pocketvisor.testing.background import BackgroundLoop
    from pocketvisor.testing.blocking import SyncGuest, SyncHandset
    from pocketvisor.testing.blocking_debugger import SyncDebugger
    from pocketvisor.testing.debugging import AsyncDebugger, NotStopped
    from pocketvisor.testing.ending import Ending, Verdicts
    from pocketvisor.testing.guests import AsyncGuest, NotSeen
    from pocketvisor.testing.handsets import AsyncHandset
    from pocketvisor.testing.pictures import PictureError
    from pocketvisor.testing.settings import Settings

_HOMES = {
    "AsyncDebugger": "debugging",
    "AsyncGuest": "guests",
    "AsyncHandset": "handsets",
    "Ending": "ending",
    "NotSeen": "guests",
    "NotStopped": "debugging",
    "PictureError": "pictures",
    "SyncDebugger": "blocking_debugger",
    "SyncGuest": "blocking",
    "SyncHandset": "blocking",
    "Verdicts": "ending",
}
__all__ = [  # noqa: PLE0604, RUF100
    "AsyncDebugger",
    "AsyncGuest",
    "AsyncHandset",
    "Ending",
    "NotSeen",
    "NotStopped",
    "PictureError",
    "SyncDebugger",
    "SyncGuest",
    "SyncHandset",
    "Verdicts",
]

_LOOP = pytest.StashKey["BackgroundLoop"]()
_HANDSETS = pytest.StashKey[list["AsyncHandset"]]()
_COLLECTED = pytest.StashKey[list[str]]()

_MARKER = (
    "pocketvisor(image=None, *, model, elf, profile, generation, kernel, initrd, dtb, append, firmware, "
    "name, ram_mib, rate, ...): the handset's model, and what the test's guests are started with"
)


def __getattr__(name: str) -> Any:
    """The classes, for annotations and pytest.raises()."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pocketvisor", "guests on emulated handsets")
    group.addoption(
        "--pocketvisor-update",
        action="store_true",
        help="store what is on the panels as the reference pictures, where it differs from them",
    )
    group.addoption(
        "--pocketvisor-report",
        metavar="DIR",
        help="where failed tests leave screenshots, consoles, recordings",
    )
    group.addoption("--pocketvisor-model", metavar="ID", help="the handset model of tests that name none")
    parser.addini(
        "pocketvisor_report", "folder for the evidence of failed tests", default="pocketvisor-report"
    )
    parser.addini("pocketvisor_model", "the handset model of tests that name none", default="nexus-one")
    parser.addini(
        "pocketvisor_pictures", "folder of reference pictures, beside each test", default="pictures"
    )
    parser.addini("pocketvisor_seconds", "how long to wait for anything, unless said", default="30")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


def pytest_unconfigure(config: pytest.Config) -> None:
    loop = config.stash.get(_LOOP, None)
    if loop is not None:
        loop.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Before the fixtures of a failed test are taken down: keep what its guests have to show."""
    report = yield
    if not report.failed or call.when == "teardown" or _HANDSETS not in item.stash:
        return report
    texts = item.stash[_COLLECTED]
    handsets = item.stash[_HANDSETS]
    if handsets:
        from pocketvisor.testing.evidence import collect

        texts.append(_loop(item.config).run(collect(handsets, _evidence_folder(item))))
    if any(texts):
        report.sections.append(("Pocketvisor guests", "\n\n".join(filter(None, texts))))
        report.user_properties.append(("pocketvisor_evidence", str(_evidence_folder(item))))
    return report


@pytest.fixture
def handset_factory(
    request: pytest.FixtureRequest, pocketvisor_settings: "Settings"
) -> Iterator[Callable[..., "SyncHandset"]]:
    """`handset_factory(model=None, name=None)`: handsets for one test, closed at its end."""
    from pocketvisor.testing.blocking import SyncHandset
    from pocketvisor.testing.handsets import AsyncHandset, find_model

    loop = _loop(request.config)
    handsets = request.node.stash[_HANDSETS]

    def make(model: str | None = None, name: str | None = None) -> SyncHandset:
        found = find_model(model or pocketvisor_settings.model)
        handset = loop.call(AsyncHandset, found, pocketvisor_settings, name)
        handsets.append(handset)
        return SyncHandset(handset, loop)

    with ExitStack() as closing:
        yield make
        for handset in handsets:
            closing.callback(_close, loop, handset)


@pytest.fixture
def handset(handset_factory: Callable[..., "SyncHandset"]) -> "SyncHandset":
    """A handset of the test's model: `handset.start("personal")`."""
    return handset_factory()


@pytest.fixture
def guest(request: pytest.FixtureRequest, handset: "SyncHandset") -> "SyncGuest":
    """A guest that runs: the marker's, or the parameter's (a name, or a dict of start()'s words)."""
    given = getattr(request, "param", None)
    words = given if isinstance(given, dict) else {"image": given}
    return handset.start(**words)


@pytest.fixture
def async_handset(
    request: pytest.FixtureRequest, pocketvisor_settings: "Settings"
) -> Callable[..., AbstractAsyncContextManager["AsyncHandset"]]:
    """For coroutines, whatever runs them: `async with async_handset() as handset`."""

    @asynccontextmanager
    async def opened(model: str | None = None) -> AsyncIterator["AsyncHandset"]:
        from pocketvisor.testing.evidence import collect
        from pocketvisor.testing.handsets import open_handset

        async with open_handset(pocketvisor_settings, model) as handset:
            try:
                yield handset
            except BaseException:
                folder = _evidence_folder(request.node)
                request.node.stash[_COLLECTED].append(await collect([handset], folder))
                raise

    return opened


@pytest.fixture
def pocketvisor_settings(request: pytest.FixtureRequest) -> "Settings":
    """What options, ini file and the test's marker come to."""
    from pocketvisor.testing.evidence import clear
    from pocketvisor.testing.images import START_WORDS
    from pocketvisor.testing.settings import Settings
    from pocketvisor.testing.snapshots import SNAPSHOT_WORDS

    node, config = request.node, request.config
    node.stash[_HANDSETS] = []
    node.stash[_COLLECTED] = []
    words: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("pocketvisor"))):  # the nearest to the test is last
        words |= marker.kwargs | ({"image": marker.args[0]} if marker.args else {})
    model = (
        words.pop("model", None)
        or config.getoption("--pocketvisor-model")
        or config.getini("pocketvisor_model")
    )
    for word in words.keys() - START_WORDS - SNAPSHOT_WORDS:
        raise pytest.UsageError(f"{node.nodeid}: the marker pocketvisor knows no '{word}'")
    folder = _evidence_folder(node)
    clear(folder)
    return Settings(
        root=config.rootpath,
        pictures=node.path.parent / config.getini("pocketvisor_pictures"),
        report=folder,
        model=model,
        seconds=float(config.getini("pocketvisor_seconds")),
        update=config.getoption("--pocketvisor-update"),
        start=words,
    )


def _evidence_folder(node: pytest.Item) -> Path:
    from pocketvisor.testing.evidence import folder_name

    config = node.config
    base: str = config.getoption("--pocketvisor-report") or config.getini("pocketvisor_report")
    return config.rootpath / base / folder_name(node.nodeid)


def _loop(config: pytest.Config) -> "BackgroundLoop":
    if _LOOP not in config.stash:
        from pocketvisor.testing.background import BackgroundLoop

        config.stash[_LOOP] = BackgroundLoop()
    return config.stash[_LOOP]


def _close(loop: "BackgroundLoop", handset: "AsyncHandset") -> None:
    loop.run(handset.close())
