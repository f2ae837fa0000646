"""Gradients through ComfyUI's models, which change their tokens in place while autograd still needs
what they were: FLUX adds to what its norms have read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from .call import bare_model
from .known import known_model

Block = Callable[..., Any]
NORMS = (nn.LayerNorm, nn.RMSNorm)


class Again(torch.autograd.Function):
    """A block that is computed again in the backward pass, from copies of what it was given.

    The parameters inside of it get their gradients there; at least one tensor must require one.
    """

    @staticmethod
    def forward(ctx: Any, block: Block, *given: Tensor) -> Any:
        ctx.block = block
        ctx.save_for_backward(*given)
        with torch.no_grad():
            return block(*(one.clone() for one in given))

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: torch says *Any
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor | None, ...]:
        given = [
            one.detach().requires_grad_(wanted)
            for one, wanted in zip(ctx.saved_tensors, ctx.needs_input_grad[1:], strict=True)
        ]
        with torch.enable_grad():
            out = ctx.block(*(one.clone() for one in given))
        torch.autograd.backward(out, gradients)
        return (None, *(one.grad for one in given))


def again(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A block's forward, of which only what it was given is kept for the backward pass."""
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    named = dict(enumerate(args)) | kwargs
    tensors = [name for name, one in named.items() if isinstance(one, Tensor)]

    def block(*given: Tensor) -> Any:
        now = named | dict(zip(tensors, given, strict=True))
        return forward(*(now[n] for n in range(len(args))), **{name: now[name] for name in kwargs})

    return Again.apply(block, *(named[name] for name in tensors))


@contextmanager
def blocks_again(model: ModelPatcher) -> Iterator[None]:
    """While this lasts the blocks of the model are computed again in the backward pass.

    Their ``forward`` is wrapped meanwhile, as core's trainer does it; hooks cannot leave a forward
    out. Models whose attention calls are told apart by hooks keep everything instead.
    """
    known = known_model(model, "training a LoRA")
    blocks = () if known.family.hooked else dict.fromkeys(known.family.blocks(known.diffusion))
    before = {block: vars(block).get("forward") for block in blocks}
    for block in blocks:
        block.forward = partial(again, block.forward)
    try:
        yield
    finally:
        for block, own in before.items():
            del block.forward
            if own is not None:
                block.forward = own


@contextmanager
def copied_norm_inputs(model: ModelPatcher) -> Iterator[None]:
    """While this lasts the model's norms read copies, so that what autograd keeps of them stays."""
    network = bare_model(model.model.diffusion_model)

    def copied(_norm: Any, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return (given[0].clone(), *given[1:]) if torch.is_grad_enabled() else None

    norms = [module for module in network.modules() if isinstance(module, NORMS)]
    hooks = [norm.register_forward_pre_hook(copied) for norm in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
