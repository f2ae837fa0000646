"""One run of the flow training: how it starts and what a checkpoint holds."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..flux import Flux
from ..flux_blocks import DoubleStreamBlock, Modulation
from .flow_heads import Heads

PEAK_RATE = 2e-3


def initialise(model: Flux) -> None:
    """Modulations start at zero with open gates, the double blocks' image attention local.

    Equal query and key biases in the fast RoPE channels make a token look at its own place and at
    the same place of the reference before it has learned anything.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, Modulation):
            nn.init.zeros_(module.lin.weight)
            with torch.no_grad():
                for gate in module.lin.bias.unflatten(0, (-1, 3, 128)):
                    gate[2] = 0.5
    nn.init.zeros_(model.final_layer.adaLN_modulation.get_parameter("1.weight"))
    local = torch.zeros(128)
    local[16:24], local[72:80] = 1.6, 1.6  # the four fastest pairs of both spatial axes
    for module in model.modules():
        if isinstance(module, DoubleStreamBlock):
            with torch.no_grad():
                module.img_attn.qkv.bias[:256] = torch.cat((local, local))


@dataclass
class Run:
    """Everything that a checkpoint holds."""

    model: Flux
    heads: Heads
    average: Flux
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    seconds: float = 0.0

    def state(self) -> dict[str, object]:
        """For torch.save."""
        modules = {name: getattr(self, name).state_dict() for name in ("model", "heads", "average")}
        return modules | {
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        for name in ("model", "heads", "average"):
            getattr(self, name).load_state_dict(state[name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]


def optimizers_for(model: Flux, heads: Heads) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for everything else."""
    matrices = [
        p for n, p in model.named_parameters() if p.ndim == 2 and "blocks" in n and "mod" not in n
    ]
    chosen = {id(p) for p in matrices}
    rest = [p for p in [*model.parameters(), *heads.parameters()] if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=PEAK_RATE, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=PEAK_RATE, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def new_run(device: str) -> Run:
    """A freshly initialised run."""
    torch.manual_seed(6)
    model, heads = Flux().to(device), Heads().to(device)
    initialise(model)
    average = copy.deepcopy(model).requires_grad_(False)
    return Run(model, heads, average, optimizers_for(model, heads))


def save(run: Run, path: Path) -> None:
    """Write the checkpoint in one move, so that an interruption cannot spoil it."""
    torch.save(run.state(), path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)
