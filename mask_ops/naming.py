"""Errors that say which instance they are about."""

from collections.abc import Generator
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
