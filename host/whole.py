"""Every model call of a run comes to our wrapper, and sees the whole picture."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..mask_ops.regions import InstanceRegion
from ..prompts.spans import PromptSpans
from .call import KEY, WRAPPER, Forward, ModelCall, Options, around_model
from .core_training import training_run, training_steps
from .dropped_references import refuse_dropped_references
from .run import RUN, RunNote, check_texts, prepared_sampling, run_options
from .skip_background import SKIP

WHOLE = f"{KEY}_whole"


def watch_runs(
    model: ModelPatcher,
    key: str,
    dense: bool = False,
    regions: Sequence[InstanceRegion] = (),
) -> None:
    """Add the wrappers around a run to a clone: ``prepared_sampling``, ``proved_prediction``, and
    for trainings ``training_run`` and ``training_steps``."""
    prepare = prepared_sampling(dense, regions)
    model.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, key, prepare)
    model.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, key, proved_prediction)
    model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, key, training_run)
    model.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, key, training_steps)


def seen_whole(model: ModelPatcher, node: str) -> ModelPatcher:
    """A clone all of whose model calls must come to our wrapper and see the whole picture.

    For nodes that read the model without a bias; what Skip Background left out is computed again.
    """

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        refuse_pieces(call, node)
        return run()

    patched = model.clone()
    patched.model_options["transformer_options"].pop(SKIP, None)
    patched.add_wrapper_with_key(WRAPPER, WHOLE, forward)
    patched.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, WHOLE, noted_sampling)
    patched.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, WHOLE, proved_prediction)
    return patched


def noted_sampling(
    executor: Any,
    model: Any,
    noise_shape: Sequence[int],
    conds: Mapping[str, Sequence[dict[str, Any]]],
    *args: Any,
    **kwargs: Any,
) -> Any:
    """The wrapper around core's preparation of a run whose calls must all come to our wrapper."""
    refuse_dropped_references(model, conds)
    options = run_options(*args, **kwargs)
    if options is not None:
        options.update(seen_options(options, noise_shape, conds))
    return executor(model, noise_shape, conds, *args, **kwargs)


def seen_options(
    model_options: dict[str, Any],
    shape: Sequence[int],
    conds: Mapping[str, Sequence[dict[str, Any]]],
) -> dict[str, Any]:
    """Model options of such a run, which may have begun with Apply Instance Attention.

    Args:
        shape: of the latent that is sampled.
        conds: core's own, of this run; their spans learn what was appended.
    """
    options = model_options.get("transformer_options", {})
    note: RunNote | None = options.get(RUN)
    if note is None:
        check_texts(conds)
        note = RunNote(whole=(shape[-2], shape[-1]))
    options = {**options, RUN: replace(note, expected=True, pictures=shape[0])}
    return {**model_options, "transformer_options": options}


def proved_prediction(
    executor: Any, x: Tensor, timestep: Tensor, model_options: Options, *args: Any, **kwargs: Any
) -> Tensor:
    """The wrapper around a step's prediction: refuse one that went past our wrapper of the model.

    Raises:
        ValueError: with who calls the model.
    """
    out = executor(x, timestep, model_options, *args, **kwargs)
    refuse_unseen(model_options, executor.class_obj)
    return out


def refuse_unseen(model_options: Options, guider: Any) -> None:
    """Refuse a prediction none of whose model calls came to our wrapper.

    Args:
        guider: who made it, unless the options name who calls the model.

    Raises:
        ValueError: with who calls the model.
    """
    note: RunNote | None = model_options.get("transformer_options", {}).get(RUN)
    if note is not None and note.expected and not note.called:
        caller = model_options.get("model_function_wrapper", guider)
        named = caller if hasattr(caller, "__qualname__") else type(caller)
        raise ValueError(
            f"{named.__module__}.{named.__qualname__} calls the model past ComfyUI's wrappers: its "
            "attention can be neither changed nor read. Remove the node that set it from this "
            "model."
        )


def is_part(call: ModelCall) -> bool:
    """True for a call that sees less of the latent than is sampled; notes that it came."""
    note: RunNote | None = call.options.get(RUN)
    if note is None:
        return False
    note.called = True
    return call.x.shape[-2] < note.whole[0] or call.x.shape[-1] < note.whole[1]


def refuse_parts(
    call: ModelCall, spans: Sequence[PromptSpans], part: bool, who: str = "regions need"
) -> None:
    """Refuse a call that sees a part of the picture only.

    Args:
        part: see ``is_part``.
        who: needs all of it, for the error.
    """
    if part or "context_window" in call.options or any(one.cropped for one in spans):
        raise ValueError(
            f"{who} the whole picture in one model call, but this call sees a part of it (tiled "
            "diffusion, Conditioning Set Area or context windows). Remove that node: regions "
            "already say where each prompt acts."
        )


def refuse_pieces(call: ModelCall, node: str) -> None:
    """Refuse a call that sees a part of the picture, or fewer pictures than are sampled together.

    Args:
        node: needs all of them.
    """
    refuse_parts(call, (), is_part(call), f"{node} needs")
    note: RunNote | None = call.options.get(RUN)
    wanted = 0 if note is None else note.pictures * len(call.options["cond_or_uncond"])
    if len(call.x) < wanted:
        raise ValueError(
            f"{node} needs all {wanted} pictures of a batch in one model call, but this call holds "
            f"{len(call.x)}: another pack calls the model on parts of a batch. Remove its node "
            "from this model."
        )
