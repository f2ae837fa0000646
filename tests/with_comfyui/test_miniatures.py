"""The miniatures are what the other tests take them for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    REFERENCE_METHODS,
    random_conditioning,
    random_latent,
    reference,
    sample,
)
from instance_edit.tests.with_comfyui.tiny_models import (
    flux1_state_dict,
    flux2_state_dict,
    load_model,
)
from instance_edit.tools.model_shapes import DEEP, SHALLOW, Shape

PROMPT = "Replace the apple with a green pear"


@pytest.mark.parametrize("make", [flux1_state_dict, flux2_state_dict])
@pytest.mark.parametrize("shape", [SHALLOW, DEEP])
@pytest.mark.parametrize("guidance", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_core_recognises_the_shape_and_dtype(
    make: Callable[..., dict[str, torch.Tensor]], shape: Shape, guidance: bool, dtype: torch.dtype
) -> None:
    model = load_model(make(shape, guidance, dtype)).model
    params = model.diffusion_model.params
    assert type(model).__name__ == ("Flux" if make is flux1_state_dict else "Flux2")
    assert (params.hidden_size, params.depth, params.depth_single_blocks) == (
        shape.hidden,
        shape.double,
        shape.single,
    )
    assert params.guidance_embed == guidance
    assert model.get_dtype() == dtype


@pytest.mark.parametrize(
    ("name", "method"),
    [
        (name, method)
        for name in ("flux1", "flux1_deep", "flux2", "flux2_deep")
        for method in REFERENCE_METHODS
        if method != "index_timestep_zero" or name.startswith("flux2")
    ],
)
def test_text_and_references_move_the_image(
    name: str, method: str, request: pytest.FixtureRequest
) -> None:
    model: ModelPatcher = request.getfixturevalue(name)
    latent = random_latent(model)
    references = [random_latent(model, seed=seed) for seed in (5, 6)]
    negative = random_conditioning(model, seed=2)

    def run(text_seed: int, count: int) -> torch.Tensor:
        positive = reference(
            random_conditioning(model, seed=text_seed), *references[:count], method=method
        )
        return sample(model, positive, negative, latent)

    base = run(1, 1)
    assert torch.equal(base, run(1, 1))
    assert base.isfinite().all()
    for other in (run(3, 1), run(1, 0), run(1, 2)):
        assert (other - base).norm() > 0.02 * base.norm()


def test_flux1_text_is_padded_to_256_with_a_pooled_vector(tiny_clip_flux1: CLIP) -> None:
    ((text, extra),) = tiny_clip_flux1.encode_from_tokens_scheduled(
        tiny_clip_flux1.tokenize(PROMPT)
    )
    assert text.shape == (1, 256, 64)
    assert extra["pooled_output"].shape == (1, 64)
    assert text.isfinite().all()


def test_klein_text_is_padded_to_512_on_the_right(tiny_clip_klein: CLIP) -> None:
    ((text, extra),) = tiny_clip_klein.encode_from_tokens_scheduled(
        tiny_clip_klein.tokenize(PROMPT)
    )
    assert text.shape == (1, 512, 192)
    real = int(extra["attention_mask"].sum())
    assert 10 < real < 40
    assert extra["attention_mask"][0, :real].all()
    assert text.isfinite().all()


def test_flux2_dev_text_comes_in_mistrals_template(tiny_clip_flux2_dev: CLIP) -> None:
    tokens = tiny_clip_flux2_dev.tokenize(PROMPT)
    decode = tiny_clip_flux2_dev.tokenizer.mistral3_24b.tokenizer.decode
    read = decode([token for token, *_ in tokens["mistral3_24b"][0]])
    assert read.startswith("<s>[SYSTEM_PROMPT]") and read.endswith(f"[INST]{PROMPT}[/INST]")
    ((text, extra),) = tiny_clip_flux2_dev.encode_from_tokens_scheduled(tokens)
    assert text.shape == (1, len(tokens["mistral3_24b"][0]), 192)
    assert extra["attention_mask"].all()
    assert text.isfinite().all()
