"""Graphs keep values by position: inputs, options and outputs of earlier releases stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instance_edit.tests.saved.files import OBJECT_INFOS, read
from instance_edit.tests.saved.interface import broken, interface
from instance_edit.tools.make_snapshot import as_dict


@pytest.mark.parametrize("path", OBJECT_INFOS, ids=lambda path: path.parent.name)
def test_every_input_option_and_output_is_where_it_was(
    path: Path, pack_nodes: dict[str, type]
) -> None:
    for name, was in read(path).items():
        assert name in pack_nodes, f"{name} is gone: saved workflows no longer open"
        info = as_dict(pack_nodes[name].GET_NODE_INFO_V1())
        changes = broken(was, interface(json.loads(json.dumps(info))))
        assert not changes, f"{name}: {'; '.join(changes)}"
