"""Instance Edit: edit many instances of one image at once with FLUX, in ComfyUI."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .nodes import InstanceEditExtension

WEB_DIRECTORY = "./web"
__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]


async def comfy_entrypoint() -> "InstanceEditExtension":
    """Called by ComfyUI to get the nodes; imports them only here, so the pack loads without it."""
    try:
        from .nodes import InstanceEditExtension
    except Exception:
        logging.getLogger("instance_edit").exception(
            "Instance Edit cannot load its nodes. Update ComfyUI; if that does not help, report "
            "the traceback below."
        )
        raise
    return InstanceEditExtension()
