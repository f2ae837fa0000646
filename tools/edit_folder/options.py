"""What the command line says about how to edit, checked before a worker starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

BACKGROUNDS = ("keep", "free")
ROOMS = ("keep", "centred", "to the right")
WEIGHTS = ("UNET", "CLIP", "VAE", "STEPS")
DEFAULTS: dict[str, Any] = {
    "METHOD": "MICE",
    "PROMPT": "",
    "SEED": 0,
    "GUIDANCE": 0.0,
    "MEGAPIXELS": 0.0,
    "BACKGROUND": "keep",
    "LONGER_TEXTS": "keep",
    "DIALECT": "as labelled",
}
LEAST: dict[str, tuple[Callable[[str], float], float]] = {
    "SEED": (int, 0),
    "STEPS": (int, 1),
    "GUIDANCE": (float, 0),
    "MEGAPIXELS": (float, 0),
    "WORKERS": (int, 1),
    "LIMIT": (int, 1),
}
CHOICES = {"BACKGROUND": BACKGROUNDS, "LONGER_TEXTS": ROOMS}


def read_settings(asked: Mapping[str, str]) -> dict[str, Any]:
    """What workers are told: `DEFAULTS` with what was asked for, and the weights.

    Raises:
        ValueError: a number that is none or too small, or another choice.
    """
    settings = dict(DEFAULTS)
    for key in DEFAULTS:
        if asked.get(key):
            settings[key] = number(asked, key) if key in LEAST else asked[key]
    for key, choices in CHOICES.items():
        if settings[key] not in choices:
            raise ValueError(f"{key} must be {' or '.join(choices)}, got {settings[key]}.")
    number(asked, "STEPS")
    return settings | {key: asked.get(key) or "" for key in WEIGHTS}


def number(asked: Mapping[str, str], key: str) -> float | None:
    """A number of the command line; None where it is not given.

    Raises:
        ValueError: it is none, or below the least.
    """
    if not asked.get(key):
        return None
    kind, least = LEAST[key]
    try:
        value = kind(asked[key])
    except ValueError:
        value = least - 1
    if not value >= least:
        whole = "a whole number" if kind is int else "a number"
        raise ValueError(f"{key} must be {whole} from {least}, got {asked[key]!r}.")
    return value


def whole_number(asked: Mapping[str, str], key: str) -> int | None:
    """``number`` of a key that takes whole ones."""
    value = number(asked, key)
    return None if value is None else int(value)


def required_folder(asked: Mapping[str, str], key: str) -> Path:
    """A folder that has to be named.

    Raises:
        ValueError: it is not.
    """
    if not asked.get(key):
        raise ValueError(f"{key}=.. is missing: name a folder.")
    return Path(asked[key]).expanduser()
