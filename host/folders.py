"""Files of ComfyUI's own folders, by the names that its upload widgets give them."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import folder_paths
from torch import Tensor

from ..mask_ops.json_fields import is_text, shown
from .core_nodes import core_nodes, run_node

SAVED = "regions"
"""Folder of the output folder for which Save Regions is set."""
PIECE = 2**20
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
    kind, path = split_name(name if is_text(name) else "")
    folder = os.path.abspath(folder_of(kind))
    full = os.path.abspath(os.path.join(folder, path))
    inside = full.startswith(os.path.join(folder, ""))
    if "\0" in path or not inside or not os.path.isfile(full):
        raise ValueError(
            f"{where} must be {what} of the {kind} folder, got {shown(name)}, which is not there. "
            "Choose another, or upload it."
        )
    return Path(full)


def fault_of(find: Callable[[str, str, str], Path], name: str, where: str, what: str) -> str:
    """What ``find_file`` or ``find_folder`` says against a name; "" for nothing."""
    try:
        find(name, where, what)
    except ValueError as wrong:
        return str(wrong)
    return ""


def input_folders() -> list[str]:
    """Folders of the input folder, at any depth."""
    return folder_paths.get_input_subfolders()


def find_folder(name: str, where: str, what: str) -> Path:
    """The folder of that name in the input folder.

    Args:
        where: the input it was chosen in, for errors.
        what: what must be in it, for errors.

    Raises:
        ValueError: no such folder, or one outside of the input folder.
    """
    home = os.path.abspath(folder_of("input"))
    full = os.path.abspath(os.path.join(home, name if is_text(name) else "\0"))
    inside = full.startswith(os.path.join(home, "")) and "\0" not in full
    if not inside or not os.path.isdir(full):
        raise ValueError(
            f"{where} must be a folder of the input folder with {what} for each sample, got "
            f"{shown(name)}, which is not there. Choose another, or put it there."
        )
    return Path(full)


def folder_state(folder: Path) -> str:
    """What tells that a file of a folder was changed: names, sizes and times."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    told = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(told).encode()).hexdigest()


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
    content = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            content.update(piece)
    return content.hexdigest()


def regions_files() -> list[str]:
    """JSON files of the input folder, and those that Save Regions writes where it is not told."""
    found = _json_files("input", "")
    return found + [f"{name} [output]" for name in _json_files("output", SAVED)]


def _json_files(kind: str, subfolder: str) -> list[str]:
    folder = Path(folder_of(kind), subfolder)
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [path.relative_to(folder_of(kind)).as_posix() for path in files]


def read_text_file(name: str, where: str, what: str) -> str:
    """The text of a file; see ``find_file``.

    Raises:
        ValueError: also if it is no UTF-8.
    """
    try:
        return find_file(name, where, what).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{where} must be a text in UTF-8, but {shown(name)} is none.") from None


def save_text_file(prefix: str, text: str, suffix: str, where: str) -> str:
    """Write a text to the output folder, whole or not at all; returns its name there.

    Args:
        prefix: as core's Save Image takes it, e.g. ``regions/cat``; a number comes behind it.
        where: the input that gave it, for errors.

    Raises:
        ValueError: a prefix without a name, or outside of the folder, or a name that the disk
            does not take.
    """
    folder = os.path.abspath(folder_paths.get_output_directory())
    full = os.path.abspath(os.path.join(folder, prefix))
    inside = full.startswith(os.path.join(folder, ""))
    if "\0" in prefix or not inside or not re.sub(r"[.\s]", "", os.path.basename(prefix)):
        raise ValueError(
            f"{where} must be the start of a file's name in the output folder, e.g. "
            f"'{SAVED}/cat', got {shown(prefix)}."
        )
    temporary = ""
    try:
        path, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, folder)
        saved = f"{name}_{counter:05}_{suffix}"
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=path)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(temporary, os.path.join(path, saved))
    except OSError as fault:
        raise ValueError(
            f"{where}: {shown(prefix)} cannot be written ({fault.strerror})."
        ) from None
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
    return Path(subfolder, saved).as_posix()
