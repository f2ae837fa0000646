"""Stand-ins of packs that run a model in their own way, past what ComfyUI hands to its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, WrappersMP, flux_model

Blocks = Callable[[Any], list[Any]]


class ReFlux(flux_model.Flux):
    """ReFluxPatcher of ClownsharkBatwing/RES4LYF at bf23b77b0b062ec17142b6e4a4ffda5bd0410909.

    `flux/model.py` from line 53: `forward` asks for no wrappers and takes whatever else comes in
    `**kwargs`, `forward_blocks` calls the blocks without transformer_options.
    """

    def forward(self, x: Any, timestep: Any, context: Any, *args: Any, **extras: Any) -> Any:
        extras["transformer_options"] = {}
        return self._forward(x, timestep, context, *args, **extras)


def swapped_class(model: ModelPatcher) -> ModelPatcher:
    """ReFluxPatcher sets the class of the network that it is given."""
    patched = model.clone()
    patched.model.diffusion_model.__class__ = ReFlux
    return patched


def every_block(network: Any) -> list[Any]:
    return [*network.double_blocks, *network.single_blocks]


def all_but_the_first(network: Any) -> list[Any]:
    return every_block(network)[1:]


def singles(network: Any) -> list[Any]:
    return list(network.single_blocks)


@contextmanager
def without_options(blocks: list[Any]) -> Iterator[None]:
    """These blocks are called without transformer_options."""
    with ExitStack() as stack:
        for block in blocks:
            plain = block.forward

            def forward(
                *args: Any, plain: Any = plain, transformer_options: Any = None, **rest: Any
            ) -> Any:
                return plain(*args, **rest)

            stack.enter_context(mock.patch.object(block, "forward", forward))
        yield


def own_forward(blocks: Blocks = every_block, first: int = 1) -> Callable[..., ModelPatcher]:
    """TeaCache of welltop-cn/ComfyUI-TeaCache at 3657f7f566481dafd1a4797d792649270b9abc85.

    `nodes.py` from line 39: `teacache_flux_forward` stands in for core's `forward_orig` while the
    model runs, and calls the blocks without transformer_options. Forks keep it alive.

    Args:
        blocks: which are called so; a first block cache computes its first block elsewhere.
        first: number of the first model call that runs so.
    """

    def patch(model: ModelPatcher) -> ModelPatcher:
        network, calls = model.model.diffusion_model, [0]

        def run(executor: Any, *args: Any, **rest: Any) -> Any:
            calls[0] += 1
            with without_options(blocks(network) if calls[0] >= first else []):
                return executor(*args, **rest)

        patched = model.clone()
        patched.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "own forward", run)
        return patched

    return patch


def own_block(model: ModelPatcher) -> ModelPatcher:
    """A pack that computes a block itself, as a replacement of it."""
    network = model.model.diffusion_model

    def replace(given: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        bare = {name: given[name] for name in ("img", "txt", "vec", "pe")}
        img, txt = type(network.double_blocks[0]).forward(network.double_blocks[0], **bare)
        return {"img": img, "txt": txt}

    patched = model.clone()
    patched.set_model_patch_replace(replace, "dit", "double_block", 0)
    return patched


def past_the_wrappers(model: ModelPatcher) -> ModelPatcher:
    """A model function wrapper that goes straight to the network's own call, with what it knows."""
    known = ("c_crossattn", "y", "guidance", "ref_latents", "transformer_options")

    def call(apply_model: Any, given: dict[str, Any]) -> Any:
        conds = {name: value for name, value in given["c"].items() if name in known}
        return model.model._apply_model(given["input"], given["timestep"], **conds)

    patched = model.clone()
    patched.set_model_unet_function_wrapper(call)
    return patched


def skipped_block(model: ModelPatcher) -> ModelPatcher:
    """As core's skip layer guidance: a block that does nothing is no block without its bias."""
    patched = model.clone()
    patched.set_model_patch_replace(lambda given, _: given, "dit", "double_block", 0)
    return patched
