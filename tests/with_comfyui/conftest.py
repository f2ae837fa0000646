"""A real ComfyUI in this process, with no server: miniature models, and the pack's own nodes.

`from instance_edit.tests.with_comfyui.core import sample` and the like reach the helpers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from instance_edit.tools.comfy_server import ComfyServer, make_base_directory
from instance_edit.tools.load_pack import add_comfyui_to_path, load_pack

_BASE = tempfile.TemporaryDirectory(prefix="instance-edit-tests-")
_LORAS = Path(_BASE.name) / "models" / "loras"
_LORAS.mkdir(parents=True)
(_LORAS / "empty.safetensors").touch()  # so that there is one to choose
add_comfyui_to_path(("--cpu", "--base-directory", _BASE.name))

from instance_edit.host.core_nodes import extension_nodes  # noqa: E402
from instance_edit.tests.with_comfyui import tiny_clips, tiny_models  # noqa: E402
from instance_edit.tools.model_shapes import DEEP  # noqa: E402

if TYPE_CHECKING:
    from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher


@pytest.fixture(autouse=True)
def inference_mode() -> Iterator[None]:
    """As ComfyUI executes every node."""
    with torch.inference_mode():
        yield


@pytest.fixture(scope="session")
def pack_nodes() -> dict[str, type]:
    """The pack's nodes by id, as ComfyUI gets them from `comfy_entrypoint`."""
    return extension_nodes(load_pack().comfy_entrypoint)


@pytest.fixture
def flux1() -> ModelPatcher:
    """FLUX.1 with a guidance embedding, hidden 256, 1 double and 2 single blocks, float32."""
    return tiny_models.load_model(tiny_models.flux1_state_dict())


@pytest.fixture
def flux1_without_guidance() -> ModelPatcher:
    return tiny_models.load_model(tiny_models.flux1_state_dict(guidance=False))


@pytest.fixture
def flux1_deep() -> ModelPatcher:
    """FLUX.1, hidden 128, 3 double and 6 single blocks, float32."""
    return tiny_models.load_model(tiny_models.flux1_state_dict(DEEP))


@pytest.fixture
def flux2() -> ModelPatcher:
    """FLUX.2 as klein is built (no guidance embedding), hidden 256, 1 + 2 blocks, float32."""
    return tiny_models.load_model(tiny_models.flux2_state_dict())


@pytest.fixture
def flux2_with_guidance() -> ModelPatcher:
    """FLUX.2 as dev is built."""
    return tiny_models.load_model(tiny_models.flux2_state_dict(guidance=True))


@pytest.fixture
def flux2_deep() -> ModelPatcher:
    """FLUX.2, hidden 128, 3 double and 6 single blocks, float32."""
    return tiny_models.load_model(tiny_models.flux2_state_dict(DEEP))


@pytest.fixture(scope="session")
def tiny_clip_flux1() -> CLIP:
    """CLIP-L and T5 with core's tokenizers: T5 padded to at least 256, width 64, pooled 64."""
    return tiny_clips.flux1_clip()


@pytest.fixture(scope="session")
def tiny_clip_klein() -> CLIP:
    """Qwen3 as in FLUX.2 klein: padded to 512 on the right, width 192, an attention mask."""
    return tiny_clips.klein_clip()


@pytest.fixture(scope="session")
def tiny_clip_flux2_dev() -> CLIP:
    """Mistral as in FLUX.2 dev: no padding of its own, width 192, an attention mask."""
    return tiny_clips.flux2_dev_clip()


@pytest.fixture(scope="session")
def comfy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A real headless ComfyUI with the pack in its custom_nodes; one for the whole run."""
    with ComfyServer(make_base_directory(tmp_path_factory.mktemp("server"))) as server:
        yield server
