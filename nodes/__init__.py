"""The only room that knows ComfyUI: thin nodes, in reading order of a workflow."""

from comfy_api.latest import ComfyExtension, io
from typing_extensions import override

from .apply_attention import ApplyInstanceAttention
from .build_bias import BuildDisentangledBias
from .composite_background import CompositeBackground
from .demo_loader import DemoModelLoader
from .demo_scene import DemoScene
from .dual_lqr_sampler import DualLQRSampler
from .edit_metrics import EditMetrics
from .flow_inversion import FlowInversion
from .foi_guider import FoIGuiderNode
from .instance_region import InstanceRegionNode
from .locate_by_contrast import LocateByContrast
from .locate_instances import LocateInstances
from .locate_instruction import LocateInstruction
from .multi_prompt_encode import MultiPromptEncode
from .preview_bias import PreviewBias
from .preview_regions import PreviewRegions
from .regions_from_boxes import RegionsFromBoxes
from .regions_from_instructions import RegionsFromInstructions
from .regions_from_masks import RegionsFromMasks
from .turn_memory import TurnMemoryNode
from .undo_drift import UndoDrift

NODES: list[type[io.ComfyNode]] = [
    DemoModelLoader,
    DemoScene,
    InstanceRegionNode,
    RegionsFromBoxes,
    RegionsFromMasks,
    RegionsFromInstructions,
    MultiPromptEncode,
    BuildDisentangledBias,
    ApplyInstanceAttention,
    PreviewRegions,
    PreviewBias,
    CompositeBackground,
    EditMetrics,
    LocateInstances,
    LocateInstruction,
    LocateByContrast,
    FoIGuiderNode,
    TurnMemoryNode,
    FlowInversion,
    DualLQRSampler,
    UndoDrift,
]


class InstanceEditExtension(ComfyExtension):
    """The pack's node list."""

    @override
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
