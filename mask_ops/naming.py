"""Errors that say which instance they are about."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

WORDS = 60


def instance_name(number: int, words: str) -> str:
    """An instance in words, as ``instance 2 ('a red cat')``.

    Args:
        number: 1-based.
        words: its label or instruction; "" if it has none.
    """
    said = " ".join(words.split())
    said = said if len(said) <= WORDS else said[: WORDS - 3].rstrip() + "..."
    return f"instance {number} ({said!r})" if said else f"instance {number}"


@contextmanager
def about_instance(number: int, words: str) -> Generator[None, None, None]:
    """Put an instance's name before every ValueError from inside.

    Args:
        number, words: see ``instance_name``.

    Raises:
        ValueError: what was raised inside, as ``instance 2 ('a red cat'): ..``.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{instance_name(number, words)}: {error}") from error


def find_instance(which: str, labels: Sequence[str]) -> int:
    """The 0-based number of an instance that is named by its number from 1, or by its label.

    Raises:
        ValueError: no such instance, or several.
    """
    asked = which.strip()
    named = [n for n, label in enumerate(labels) if label and label.casefold() == asked.casefold()]
    if len(named) == 1:
        return named[0]
    if not named and asked.isdecimal() and 1 <= int(asked) <= len(labels):
        return int(asked) - 1
    has = ", ".join(instance_name(n, label) for n, label in enumerate(labels, start=1))
    raise ValueError(
        f"'instance' must be a number from 1 to {len(labels)} or the label of one instance, got "
        f"{which!r}{', which several have' if named else ''}. There are {has}."
    )
