"""Thin nodes, in reading order of a workflow; of ComfyUI they know `comfy_api` alone."""

from comfy_api.latest import ComfyExtension, io
from typing_extensions import override

from .apply_instance_attention import ApplyInstanceAttention
from .build_disentangled_bias import BuildDisentangledBias
from .composite_background import CompositeBackground
from .decode_regions import DecodeRegions
from .demo_model_loader import DemoModelLoader
from .demo_scene import DemoScene
from .dual_lqr_sampler import DualLQRSampler
from .edit_metrics import EditMetrics
from .fit_regions import FitRegions
from .flow_inversion import FlowInversion
from .foi_guider import FoIGuider
from .inputs.check import with_checked_inputs
from .instance_canvas import InstanceCanvas
from .instance_lora import InstanceLoRA
from .instance_noise import InstanceNoise
from .instance_region import InstanceRegion
from .instance_regions_from_boxes import InstanceRegionsFromBoxes
from .instance_regions_from_instructions import InstanceRegionsFromInstructions
from .instance_regions_from_masks import InstanceRegionsFromMasks
from .load_regions import LoadRegions
from .load_training_folder import LoadTrainingFolder
from .locate_by_velocity_contrast import LocateByVelocityContrast
from .locate_instances import LocateInstances
from .locate_instruction import LocateInstruction
from .multi_prompt_encode import MultiPromptEncode
from .plan_regions import PlanRegions
from .preview_attention_bias import PreviewAttentionBias
from .preview_instance_regions import PreviewInstanceRegions
from .save_regions import SaveRegions
from .skip_background import SkipBackground
from .turn_memory import TurnMemory
from .undo_drift import UndoDrift

NODES: list[type[io.ComfyNode]] = [
    DemoModelLoader,
    DemoScene,
    InstanceCanvas,
    InstanceRegion,
    InstanceRegionsFromBoxes,
    InstanceRegionsFromMasks,
    InstanceRegionsFromInstructions,
    PlanRegions,
    FitRegions,
    InstanceLoRA,
    SaveRegions,
    LoadRegions,
    LoadTrainingFolder,
    MultiPromptEncode,
    BuildDisentangledBias,
    ApplyInstanceAttention,
    SkipBackground,
    InstanceNoise,
    PreviewInstanceRegions,
    PreviewAttentionBias,
    CompositeBackground,
    DecodeRegions,
    EditMetrics,
    LocateInstances,
    LocateInstruction,
    LocateByVelocityContrast,
    FoIGuider,
    TurnMemory,
    FlowInversion,
    DualLQRSampler,
    UndoDrift,
]
CHECKED_NODES = [with_checked_inputs(node) for node in NODES]


class InstanceEditExtension(ComfyExtension):
    """The pack's node list."""

    @override
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return CHECKED_NODES
