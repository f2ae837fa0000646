"""What ComfyUI does not know is refused by name, not handed on as nothing."""

from __future__ import annotations

import pytest
import torch

from instance_edit.host.loading import empty_model, load_model


def test_weights_of_no_known_model_are_refused() -> None:
    with pytest.raises(ValueError, match="recognises no diffusion model"):
        load_model({"some.weight": torch.zeros(2, 2)}, torch.float32)


def test_a_configuration_of_no_known_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no model of this configuration: .*'no such model'"):
        empty_model({"image_model": "no such model"}, torch.float32)
