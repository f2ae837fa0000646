"""What a training has come to, on disk: whole or not at all, so that a killed run can go on."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from ..whole_file import remove_begun, write_whole

STATE, CURVE, PICTURE = "state.pt", "loss.csv", "loss.png"


@dataclass
class State:
    """A training after some steps.

    Attributes:
        settings: what must be the same where it goes on.
        tensors: of the LoRA's file.
        optimizer: its state, as torch keeps it.
        losses: one per step.
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    losses: Sequence[float] = ()


def folder_of(out: Path) -> Path:
    """Where the state and the curve of the file ``out`` are kept."""
    return out.with_suffix(".training")


def save_state(out: Path, state: State) -> None:
    """Write the LoRA, its curve, and last what a later run needs to go on."""
    folder = folder_of(out)
    write_whole(out, save(dict(state.tensors)))
    write_whole(folder / CURVE, curve(state.losses).encode())
    write_whole(folder / PICTURE, curve_picture(state.losses))
    kept = io.BytesIO()
    torch.save(vars(state), kept)
    write_whole(folder / STATE, kept.getvalue())


def load_state(out: Path, settings: Mapping[str, Any]) -> State:
    """The state of the run that writes ``out``; a new one where none was begun.

    Raises:
        ValueError: a run with other settings, or a file of another origin.
    """
    remove_begun(folder_of(out))
    path = folder_of(out) / STATE
    if not path.exists():
        if out.exists():
            raise ValueError(
                f"{out} is there already and no training of it can go on ({path} is missing). "
                "Choose another name, or remove it."
            )
        return State(settings)
    state = State(**torch.load(path, weights_only=True))
    other = sorted(key for key in settings if state.settings.get(key) != settings[key])
    if other:
        told = ", ".join(
            f"{key} {state.settings.get(key)!r} then, {settings[key]!r} now" for key in other
        )
        raise ValueError(
            f"{out} was begun with other settings ({told}). Give the same, choose another name, or "
            f"remove {folder_of(out)}."
        )
    return state


def curve(losses: Sequence[float]) -> str:
    """The losses as CSV: step, from 1, and loss."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("step", "loss"))
    writer.writerows((step, repr(loss)) for step, loss in enumerate(losses, start=1))
    return text.getvalue()


def curve_picture(losses: Sequence[float]) -> bytes:
    """The losses as a PNG, with their mean over a twentieth of the run."""
    from matplotlib.figure import Figure  # here: it takes a second to load

    figure = Figure(figsize=(8, 4))
    axes = figure.subplots()
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, linewidth=0.6, alpha=0.5, label="loss of a step")
    width = max(1, len(losses) // 20)
    means = torch.tensor(losses).unfold(0, width, 1).mean(1).tolist()
    axes.plot(steps[width - 1 :], means, label=f"mean of {width} steps")
    axes.set_xlabel("step")
    axes.set_ylabel("flow-matching loss")
    axes.set_yscale("log")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    return picture.getvalue()
