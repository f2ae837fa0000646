"""One call of a diffusion model, with the same arguments for every family of models."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import comfy.patcher_extension
from torch import Tensor

from .attention_call import OVERRIDE
from .compiled import Options, is_compiled, marked, takes_mark, uncompiled
from .cut import Cut

KEY = "instance_edit"
WRAPPER = comfy.patcher_extension.WrappersMP.APPLY_MODEL
Forward = Callable[..., Tensor]


@dataclass(frozen=True)
class ModelCall:
    """What a call of ComfyUI's ``BaseModel.apply_model`` carries.

    Attributes:
        model: the diffusion model, never the compiled shell around it.
        x: (B, C, .., H, W) noisy latents.
        context: (B, T, width) text features, as the model gets them.
        extras: every other condition by its name (``ref_latents``, ``guidance`` ..).
        sigma: (B,) noise level.
        options: the transformer_options.
        sampling: the model's ``model_sampling``, which knows its noise levels.
        compiled: the model's graphs are torch.compile's, and are used.
        base: ComfyUI's ``BaseModel`` around the diffusion model.
        c_concat: (B, C', .., H, W) what the model sees beside the latent, on its grid.
    """

    model: Any
    x: Tensor
    context: Tensor
    extras: Mapping[str, Any]
    sigma: Tensor
    options: Options
    sampling: Any = None
    compiled: bool = False
    base: Any = None
    c_concat: Tensor | None = None

    @property
    def level(self) -> float:
        """The sampler's noise level; between two calls of one step it stays the same."""
        return float(self.options["sigmas"][0] if "sigmas" in self.options else self.sigma[0])


def around_model(body: Callable[[ModelCall, Forward], Tensor]) -> Callable[..., Tensor]:
    """An APPLY_MODEL wrapper out of ``body(call, forward)``.

    ``forward(options=.., without=.., read=.., cut=.., eager=.., text=..)`` goes on to the model,
    with other transformer_options, and without some of the extras; ``read`` names those that may
    reach the model because they were read (see ``carrier.Carried``); ``cut`` leaves some tokens
    out; ``eager`` runs a compiled model as it is written; ``text`` takes the place of the call's
    context.
    """

    def wrapper(
        executor: Any,
        x: Tensor,
        t: Tensor,
        c_concat: Tensor | None = None,
        c_crossattn: Tensor | None = None,
        control: object = None,
        transformer_options: Options | None = None,
        **extras: Any,
    ) -> Tensor:
        given = transformer_options or {}
        base = executor.class_obj
        bare = bare_model(base.diffusion_model)
        shell = is_compiled(base, given)
        compiled = shell and takes_mark(bare)

        def forward(
            options: Options = given,
            without: tuple[str, ...] = (),
            read: tuple[str, ...] = (),
            cut: Cut | None = None,
            eager: bool = False,
            text: Tensor | None = None,
        ) -> Tensor:
            seen = (x, c_concat, control)
            kept = {name: value for name, value in extras.items() if name not in without}
            kept |= {name: tuple(kept[name]) for name in read if name in kept}
            if cut is not None:
                seen, kept = cut.inputs(*seen, kept)
            changed = options.get(OVERRIDE) is not given.get(OVERRIDE)
            if compiled and changed and not eager:
                options, kept = marked(options, kept, base.get_dtype_inference(), x.device)
            latent, concat, residuals = seen
            aside = shell and (eager or (changed and not compiled))
            with uncompiled() if aside else nullcontext():
                words = c_crossattn if text is None else text
                out = executor(latent, t, concat, words, residuals, options, **kept)
            return out if cut is None else cut.result(out)

        if c_crossattn is None:  # a model without text: nothing of ours can be meant
            return forward()
        sampling = base.model_sampling
        call = ModelCall(bare, x, c_crossattn, extras, t, given, sampling, compiled, base, c_concat)
        return body(call, forward)

    return wrapper


def bare_model(model: Any) -> Any:
    """The diffusion model inside torch.compile's shell, or the model itself."""
    return getattr(model, "_orig_mod", model)
