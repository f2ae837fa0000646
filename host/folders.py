"""Files of ComfyUI's own folders, by the names that its upload widgets give them."""

import hashlib
import os
from pathlib import Path

import folder_paths
from torch import Tensor

from .core_nodes import core_nodes, run_node

FOLDERS = {"output": folder_paths.get_output_directory, "temp": folder_paths.get_temp_directory}


def input_pictures() -> list[str]:
    """Pictures at the top of the input folder, as core's Load Image lists them."""
    folder = Path(folder_paths.get_input_directory())
    names = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    return sorted(folder_paths.filter_files_content_types(names, ["image"]))


def split_name(name: str) -> tuple[str, str]:
    """Folder ("input", "output" or "temp") and path of a name such as ``cat.png [output]``."""
    for kind in ("input", *FOLDERS):
        if name.endswith(f"[{kind}]"):
            return kind, name.removesuffix(f"[{kind}]").rstrip()
    return "input", name


def folder_of(kind: str) -> str:
    """Where a folder is: "input", "output" or "temp"."""
    return FOLDERS.get(kind, folder_paths.get_input_directory)()


def find_file(name: str, where: str, what: str) -> Path:
    """The file of that name.

    Args:
        name: its path in the input folder, or in another that it names: ``cat.png [output]``.
        where: the input it was chosen in, for errors.
        what: what it must be, for errors.

    Raises:
        ValueError: no such file, or one outside of the folder.
    """
    kind, path = split_name(name)
    folder = os.path.abspath(folder_of(kind))
    full = os.path.abspath(os.path.join(folder, path))
    inside = full.startswith(os.path.join(folder, ""))
    if "\0" in path or not inside or not os.path.isfile(full):
        raise ValueError(
            f"{where} must be {what} of the {kind} folder, got {name!r}, which is not there. "
            "Choose another, or upload it."
        )
    return Path(full)


def view_of(name: str) -> dict[str, str]:
    """What the front end asks the server for to see a file: filename, subfolder and type."""
    kind, path = split_name(name)
    subfolder, filename = os.path.split(path)
    return {"filename": filename, "subfolder": subfolder, "type": kind}


def load_picture(name: str) -> Tensor:
    """(B, H, W, 3) of a picture, as core's Load Image reads it."""
    return run_node(core_nodes()["LoadImage"], image=name)[0]


def digest(path: Path) -> str:
    """What a file's content comes to."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
