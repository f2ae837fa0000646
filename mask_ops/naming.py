"""Errors that say which instance they are about."""

from collections.abc import Generator
from contextlib import contextmanager

WORDS = 60


@contextmanager
def about_instance(number: int, words: str) -> Generator[None, None, None]:
    """Put an instance's name before every ValueError from inside.

    Args:
        number: 1-based.
        words: its instruction or label; "" if it has none.

    Raises:
        ValueError: what was raised inside, as ``instance 2 ('a red cat'): ..``.
    """
    try:
        yield
    except ValueError as error:
        said = " ".join(words.split())
        said = said if len(said) <= WORDS else said[: WORDS - 3].rstrip() + "..."
        shown = f" ({said!r})" if said else ""
        raise ValueError(f"instance {number}{shown}: {error}") from error
