"""Options that several verbs have in common, written once: as the parameters of a function that makes one
value of them."""

import inspect
from collections.abc import Callable, Collection
from typing import Any, TypeVar

Verb = TypeVar("Verb", bound=Callable[..., Any])


def with_options_of(maker: Callable[..., Any], without: Collection[str] = ()) -> Callable[[Verb], Verb]:
    """The verb, with `maker`'s options besides its own; its first parameter that has no annotation of typer's
    and the name `plan` gets what `maker` makes of them. Those `without` stay as they are by default."""

    shared = {
        name: parameter
        for name, parameter in inspect.signature(maker).parameters.items()
        if name not in without
    }

    def decorate(verb: Verb) -> Verb:
        own = {name: each for name, each in inspect.signature(verb).parameters.items() if name != "plan"}
        assert not own.keys() & shared.keys(), "an option of this name is shared already"

        def command(**given: Any) -> Any:
            plan = maker(**{name: given.pop(name) for name in shared})
            return verb(plan=plan, **given)

        both = [*own.values(), *shared.values()]
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in both]
        )
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in both}
        command.__doc__, command.__name__ = verb.__doc__, verb.__name__
        command.__module__ = verb.__module__
        return command  # type: ignore[return-value]

    return decorate
