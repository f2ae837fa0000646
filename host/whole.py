"""Every model call of a run comes to our wrapper, and sees the whole picture."""

from collections.abc import Sequence
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..prompts.spans import PromptSpans
from .call import ModelCall, Options
from .run import RUN, RunNote, prepared_sampling


def watch_runs(model: ModelPatcher, key: str, dense: bool = False) -> None:
    """Add the wrappers around a run to a clone: ``prepared_sampling`` and ``proved_prediction``."""
    model.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, key, prepared_sampling(dense))
    model.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, key, proved_prediction)


def proved_prediction(
    executor: Any, x: Tensor, timestep: Tensor, model_options: Options, *args: Any, **kwargs: Any
) -> Tensor:
    """The wrapper around a step's prediction: refuse one that went past our wrapper of the model.

    Raises:
        ValueError: with who calls the model.
    """
    out = executor(x, timestep, model_options, *args, **kwargs)
    note: RunNote | None = model_options.get("transformer_options", {}).get(RUN)
    if note is not None and note.expected and not note.called:
        caller = model_options.get("model_function_wrapper", executor.class_obj)
        named = caller if hasattr(caller, "__qualname__") else type(caller)
        raise ValueError(
            f"{named.__module__}.{named.__qualname__} calls the model past ComfyUI's wrappers: its "
            "attention cannot get a bias. Remove the node that set it from models with instance "
            "attention."
        )
    return out


def is_part(call: ModelCall) -> bool:
    """True for a call that sees less of the latent than is sampled; notes that it came."""
    note: RunNote | None = call.options.get(RUN)
    if note is None:
        return False
    note.called = True
    return call.x.shape[-2] < note.whole[0] or call.x.shape[-1] < note.whole[1]


def refuse_parts(call: ModelCall, spans: Sequence[PromptSpans], part: bool) -> None:
    """Refuse a call that sees a part of the picture only.

    Args:
        part: see ``is_part``.
    """
    if part or "context_window" in call.options or any(one.cropped for one in spans):
        raise ValueError(
            "regions need the whole picture in one model call, but this call sees a "
            "part of it (tiled diffusion, Conditioning Set Area or context windows). Remove that "
            "node: the regions already say where each prompt acts."
        )
