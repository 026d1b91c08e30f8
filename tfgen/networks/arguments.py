"""Checks of the constructor arguments of models and networks."""

from collections.abc import Sequence

from tfgen.construct import nearest


def one_of(known: Sequence[str], **arguments: str | None) -> None:
    """Refuses an argument, by its name, that is not among the known words.

    Raises:
        ValueError: Such an argument.
    """
    words = " or ".join(map(repr, known)) if len(known) == 2 else f"one of {', '.join(known)}"
    for name, value in arguments.items():
        if value not in known:
            near = nearest(value, known)
            hint = f" Did you mean {near!r}?" if near else ""
            raise ValueError(f"`{name}` must be {words}. Received: {value!r}.{hint}")


def at_least(least: float, **arguments: float) -> None:
    """Refuses an argument, by its name, that is below `least`.

    Raises:
        ValueError: Such an argument.
    """
    for name, value in arguments.items():
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}. Received: {value}.")
