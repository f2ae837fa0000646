"""How a command that hands out pictures is carried out, and what it says when it cannot be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

Done = TypeVar("Done")


def carry_out(log: logging.Logger, work: Callable[[], Done]) -> Done | None:
    """What the work returns; None, with a word in the log, if it cannot be done or is stopped."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    log.setLevel(logging.INFO)
    try:
        return work()
    except ValueError as error:
        log.error("%s", error)
    except KeyboardInterrupt:
        log.error("interrupted: run the same command again, and it goes on.")
    return None
