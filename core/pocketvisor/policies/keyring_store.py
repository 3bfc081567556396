"""Keys for policies in the desktop's keyring: the Secret Service of GNOME, KDE and others.

Beside each key the keyring has a list of their names, since it cannot be asked what it holds. Where there is
no keyring, or it stays locked, one sentence says so, and a key's file (authority.py) does.
"""

import json
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import Struct

from pocketvisor.errors import PolicyError
from pocketvisor.policies.authority import AuthorityKey

SERVICE: Final = "pocketvisor policies"
_LIST: Final = "names"
_NAME_MAX: Final = 64
_KEYS_MAX: Final = 200
_SECONDS: Final = 60.0
"""The desktop may ask the user to open the keyring; after so long nobody is there."""

T = TypeVar("T")


class ListedKey(Struct, frozen=True):
    name: str
    public: bytes


class Keyring:
    """Every call blocks, and may ask the user for the keyring's password."""

    def __init__(self, backend: Any = None) -> None:
        """`backend`: of the library keyring; None for the desktop's."""
        self._given = backend

    def keys(self) -> list[ListedKey]:
        """Raises PolicyError."""
        return [ListedKey(name, bytes.fromhex(public)) for name, public in sorted(self._names().items())]

    def key(self, name: str = "") -> AuthorityKey:
        """By name; without one the only one that there is. Raises PolicyError."""
        names = self._names()
        if not name and len(names) == 1:
            name = next(iter(names))
        if name not in names:
            there = ", ".join(sorted(names)) or "none"
            which = f"has no key '{name}'" if name else "has not exactly one key: say which"
            raise PolicyError(f"The keyring {which}; it has {there}")
        text = self._ask(lambda ring: ring.get_password(SERVICE, f"key {name}"))
        if not isinstance(text, str):
            raise PolicyError(f"The keyring has lost the key '{name}'")
        key = AuthorityKey.from_text(text)
        if key.public.hex() != names[name]:
            raise PolicyError(f"The keyring has another key under '{name}' than was put there")
        return key

    def add(self, name: str, key: AuthorityKey) -> None:
        """Raises PolicyError; a key of that name stays."""
        if not name.strip() or name != name.strip() or len(name) > _NAME_MAX or not name.isprintable():
            raise PolicyError(f"A key's name has 1 to {_NAME_MAX} letters")
        names = self._names()
        if name in names:
            raise PolicyError(f"The keyring has a key '{name}' already")
        if len(names) >= _KEYS_MAX:
            raise PolicyError(f"The keyring has {_KEYS_MAX} keys of Pocketvisor already")
        names[name] = key.public.hex()
        self._ask(lambda ring: ring.set_password(SERVICE, f"key {name}", key.text()))
        self._ask(lambda ring: ring.set_password(SERVICE, _LIST, json.dumps(names)))

    def remove(self, name: str) -> None:
        """Nobody can sign with it any more. Raises PolicyError."""
        names = self._names()
        if names.pop(name, None) is None:
            raise PolicyError(f"The keyring has no key '{name}'")
        self._ask(lambda ring: ring.set_password(SERVICE, _LIST, json.dumps(names)))
        self._ask(lambda ring: ring.delete_password(SERVICE, f"key {name}"))

    def _names(self) -> dict[str, str]:
        text = self._ask(lambda ring: ring.get_password(SERVICE, _LIST))
        if text is None:
            return {}
        try:
            names = json.loads(text)
            return {str(name): bytes.fromhex(public).hex() for name, public in names.items()}
        except (ValueError, TypeError, AttributeError):
            raise PolicyError("The keyring's list of keys is damaged") from None

    def _ask(self, question: Callable[[Any], T]) -> T:
        """On a thread of its own: a keyring that waits for a password that nobody types never answers."""
        answer: list[T] = []
        failed: list[BaseException] = []

        def ask() -> None:
            try:
                answer.append(question(self._backend()))
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=ask, name="keyring", daemon=True)
        thread.start()
        thread.join(_SECONDS)
        if answer:
            return answer[0]
        raise _told(failed[0] if failed else TimeoutError("it does not answer"))

    def _backend(self) -> Any:
        if self._given is not None:
            return self._given
        import keyring
        from keyring.backends import fail, null

        backend = keyring.get_keyring()
        if isinstance(backend, fail.Keyring | null.Keyring):
            raise PolicyError("This desktop has no keyring: give a key's file instead (--key-file)")
        return backend


def _told(error: BaseException) -> PolicyError:
    if isinstance(error, PolicyError):
        return error
    name = type(error).__name__
    if name in ("KeyringLocked", "LockedException", "PromptDismissedException", "InitError"):
        return PolicyError(f"The keyring is locked ({error}): open it, or give a key's file (--key-file)")
    return PolicyError(
        f"The keyring cannot be used ({error or name}): give a key's file instead (--key-file)"
    )
