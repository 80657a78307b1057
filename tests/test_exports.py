"""The public names: `dataprep.__all__` and `dataprep.testing.__all__`, what they say of themselves, and that it is true."""

import ast
import doctest
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc, getdoc, getsource
from itertools import pairwise
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any

import pytest

import dataprep
import dataprep.testing
from dataprep.testing import FakeBackend, FakeEngine, check_backend, check_engine, check_measure, check_mix, check_op, check_rule

NEEDS = {"Dali": "nvidia", "ImageDataset": "torch", "Torch": "torch", "Transform": "torch", "lowering": "nvidia"}
"""Names that need a library of an extra."""

ALIASES = ("Image", "Params", "Sizes", "Uniforms")
"""Names of types, whose own docstring is that of what they stand for: the string below the name says what they are."""

SEAMS = (
    *("Backend", "BulkSource", "Engine", "Measure", "Mix", "Op", "Rule", "Source"),
    *(
        "Batch",
        "Box",
        "Drops",
        "Failure",
        "Mixture",
        "Program",
        "Recipe",
        "Rendered",
        "Slow",
        "Spec",
        "TargetBatch",
        "TargetCanvas",
    ),
    *("geometry", "kernel", "mix_batch", "unmoved"),
)
"""What parts of your own are made with."""

TAUGHT = (
    *(
        "dataprep.types",
        "dataprep.html",
        "dataprep.looking.batches",
        "dataprep.looking.pictures",
        "dataprep.backends.cpu.kernels.dispatch",
        "dataprep.backends.mix",
        "dataprep.targets.geometry",
        "dataprep.targets.kinds",
    ),
    *(f"dataprep.testing.{name}" for name in ("backends", "engines", "fakes", "images", "ops", "rules", "sources")),
)
"""Modules whose docstrings have examples that are run."""


def documentation(name: str) -> str:
    """Returns what a public name says of itself."""
    public = getattr(dataprep, name)
    if not isinstance(public, GenericAlias):
        assert public.__doc__ is not None
        return getdoc(public) or ""
    statements = ast.parse(getsource(import_module("dataprep.types"))).body
    after = dict(pairwise(statements))
    ((found),) = (after[one] for one in statements if isinstance(one, ast.AnnAssign) and getattr(one.target, "id", "") == name)
    assert isinstance(found, ast.Expr), f"a string below {name} says what it is"
    return cleandoc(ast.literal_eval(found.value))


@pytest.mark.parametrize("module", [dataprep, dataprep.testing])
def test_sorted(module: ModuleType) -> None:
    """The public names are listed once each, in order."""
    assert module.__all__ == sorted(set(module.__all__))


@pytest.mark.parametrize("name", dataprep.__all__)
def test_documented(name: str) -> None:
    """Every public name resolves and says what it is in a sentence of its own."""
    if name in NEEDS and not (find_spec(NEEDS[name]) and find_spec("torch")):
        pytest.skip(f"{NEEDS[name]} or torch is not installed")
    summary = documentation(name).split("\n\n")[0]
    assert summary.endswith((".", ":")), f"dataprep.{name}: {summary!r}"


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_says_its_shape(name: str) -> None:
    """The name of an array's type says its axes first."""
    assert isinstance(getattr(dataprep, name), GenericAlias)
    assert re.match(r"\([A-Z]\w*, \w+(, \d)?\) ", documentation(name))


@pytest.mark.parametrize("name", [*SEAMS, *dataprep.testing.__all__])
def test_seams_have_an_example(name: str) -> None:
    """Every name that parts of your own, or their tests, are made with shows how it is used."""
    public = getattr(dataprep if name in SEAMS else dataprep.testing, name)
    assert "\nExample:" in (getdoc(public) or "")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the examples of docstrings have at hand: the public names, NumPy, a folder of two images and its manifest."""
    folder = tmp_path_factory.mktemp("photos")
    tools = {name: getattr(dataprep.testing, name) for name in dataprep.testing.__all__}
    tools["write_images"](folder, 2)
    manifest = dataprep.clean(folder, dataprep.Pipeline(dataprep.ChannelSums()), engine=FakeEngine())
    return tools | {"dp": dataprep, "np": import_module("numpy"), "folder": folder, "manifest": manifest}


@pytest.mark.parametrize("name", TAUGHT)
def test_examples_of_docstrings_are_true(name: str, names: dict[str, Any]) -> None:
    """The examples in docstrings run and print what they say."""
    done = doctest.testmod(import_module(name), extraglobs=names)
    assert done.attempted > 0
    assert done.failed == 0


CODE = """
import logging
from collections.abc import Mapping
from dataclasses import dataclass
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import dataprep as dp
"""

MADE: dict[str, tuple[Any, Any]] = {
    "Measure": (check_measure, lambda made: made.Redness()),
    "Rule": (check_rule, lambda made: made.Unlabelled()),
    "Op": (check_op, lambda made: made.Invert()),
    "Mix": (check_mix, lambda made: made.Blend()),
    "Engine": (check_engine, lambda made: made.Here()),
    "Backend": (check_backend, lambda made: made.Counted(FakeBackend())),
}
"""The check of each role, and the part that the example of its protocol makes."""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """An empty module that parts can be unpickled from."""
    made = ModuleType("parts_of_your_own")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


@pytest.mark.parametrize("role", MADE)
def test_the_example_of_a_protocol_keeps_it(role: str, module: ModuleType) -> None:
    """The part in the docstring of each protocol passes the check of its role."""
    (example,) = re.findall(r"^Example:\n((?:    .*\n?|\n)+)", getdoc(getattr(dataprep, role)) or "", re.MULTILINE)
    exec(CODE + cleandoc("\n" + example), module.__dict__)
    check, part = MADE[role]
    check(part(module))


def test_unknown() -> None:
    """A name that does not exist is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="Tensorflow"):
        _ = dataprep.Tensorflow


ROOT = Path(__file__).parents[1]
PUBLIC = ("dataprep", "dataprep.testing")
"""The modules that users import."""


def programs() -> dict[str, str]:
    """Returns the code that users read, by where it is: the examples, and the Python blocks of the README and of the pages."""
    found = {f"examples/{path.name}": path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("examples/*.py"))}
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        found |= {f"{path.name}, Python block {number}": block for number, block in enumerate(blocks, start=1)}
    return found


@pytest.mark.parametrize(("where", "code"), programs().items(), ids=str)
def test_what_users_read_imports_public_names(where: str, code: str) -> None:
    """Examples and documentation import `dataprep` and `dataprep.testing`, no module below, and use their public names only."""
    imported, used = set(), set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
            used |= {alias.name for alias in node.names if node.module == "dataprep"}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("dp", "dataprep"):
            used.add(node.attr)
    inner = sorted(name for name in imported if name.split(".")[0] == "dataprep" and name not in PUBLIC)
    assert inner == [], f"{where} imports {inner}; use the names that `dataprep` exports, or export what is missing"
    unknown = sorted(used - {*dataprep.__all__, "testing", "__version__"})
    assert unknown == [], f"{where} uses {unknown}, which `dataprep` does not export"
