"""What the pages and the GitHub workflows call is there: verbs, files, rings."""

from __future__ import annotations

import re

import pytest
import yaml

from instance_edit.tools.load_pack import ROOT

VERB = re.compile(r"\bmake ((?:[A-Z]+=\S+ )*)([a-z][a-z-]*)")
VERBS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/results/README.md"]
)
def test_every_verb_that_a_page_names_is_in_the_makefile(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.S))
    assert {verb for _, verb in VERB.findall(code)} <= VERBS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_step_of_a_workflow_calls_what_is_there(path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, job in workflow["jobs"].items():
        called = job.get("uses", "./").removeprefix("./")
        assert (ROOT / called).exists(), name
        commands = "\n".join(step.get("run", "") for step in job.get("steps", []))
        assert {verb for _, verb in VERB.findall(commands)} <= VERBS, name


def test_the_three_rings_and_lint_run_on_github_before_anything_is_published() -> None:
    tests, publish = (
        yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
        for name in ("tests.yml", "publish.yml")
    )
    assert tests["jobs"].keys() == {"lint", "pure", "comfyui", "browser"}
    assert publish["jobs"]["tests"]["uses"] == "./.github/workflows/tests.yml"
    assert publish["jobs"]["publish"]["needs"] == "tests"
