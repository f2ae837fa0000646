"""What a page of the repository says: its links, the code that it names, the files it prints."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from instance_edit.tools.load_pack import PACK, ROOT

PAGES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("benchmarks/results/README.md", "tests/saved/README.md"),
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
FENCED = re.compile(r"^```.*?^```", re.S | re.M)
PRINTED = re.compile(r"`([\w/]+\.py)`\n\n```python\n(.*?)```", re.S)


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(name: str) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", page(name))


def links(name: str) -> list[tuple[str, str]]:
    """(file, heading) of every link to the repository itself; "" where none is named."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(name))
    own = [link for link in found if not re.match(r"[a-z]+:", link)]
    return [(path, heading) for path, _, heading in (link.partition("#") for link in own)]


def headings(name: str) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(name), re.M)
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in kept}


def code_spans(name: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", prose(name)))


def tracked(*patterns: str) -> list[str]:
    """Files of the repository, committed or about to be."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in filter(None, listed.split("\0")) if (ROOT / path).is_file()]


def names_in(path: str) -> set[str]:
    """What a module defines at its top, and the members of its classes as ``Class.member``."""
    found: set[str] = set()
    for node in ast.parse(page(path)).body:
        found |= _names_of(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for part in node.body for name in _names_of(part)}
    return found


def _names_of(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def printed(name: str) -> dict[str, str]:
    """Whole files that a page prints, by their paths."""
    return dict(PRINTED.findall(page(name)))


def load_printed(name: str, path: str, folder: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """A file that a page prints as a module of the pack, until ``patch`` is undone.

    Args:
        folder: where the file is written.
    """
    file = folder / path.replace("/", "-")
    file.write_text(printed(name)[path], encoding="utf-8")
    module_name = f"{PACK}.{path.removesuffix('.py').replace('/', '.')}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, module_name, module)
    spec.loader.exec_module(module)
    return module


def rooms() -> set[str]:
    """Folders at the top of the repository."""
    return {Path(path).parts[0] for path in tracked() if "/" in path}
