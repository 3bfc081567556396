"""Options that several verbs have in common, written once: as the parameters of a function that makes one
value of them."""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

Verb = TypeVar("Verb", bound=Callable[..., Any])


def with_options_of(
    maker: Callable[..., Any],
    without: Collection[str] = (),
    instead: Mapping[str, Any] | None = None,
    *,
    later: bool = False,
) -> Callable[[Verb], Verb]:
    """The verb, with `maker`'s options besides its own; its parameter `plan` gets what `maker` makes of them,
    or `later` the functools.partial() that makes it.

    Those `without` stay as they are by default; `instead` has other annotations for some."""
    other = instead or {}
    shared = {
        name: parameter.replace(annotation=other.get(name, parameter.annotation))
        for name, parameter in inspect.signature(maker).parameters.items()
        if name not in without
    }

    def decorate(verb: Verb) -> Verb:
        own = {name: each for name, each in inspect.signature(verb).parameters.items() if name != "plan"}
        assert not own.keys() & shared.keys(), "an option of this name is shared already"

        def command(**given: Any) -> Any:
            plan = functools.partial(maker, **{name: given.pop(name) for name in shared})
            return verb(plan=plan if later else plan(), **given)

        both = [*own.values(), *shared.values()]
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in both]
        )
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in both}
        command.__doc__, command.__name__ = verb.__doc__, verb.__name__
        command.__module__ = verb.__module__
        return command  # type: ignore[return-value]

    return decorate
