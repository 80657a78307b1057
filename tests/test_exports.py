"""The public names: `dataprep.__all__` and `dataprep.testing.__all__`, what they say of themselves, and that it is true."""

import ast
import doctest
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc, getdoc, getsource
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from types import FunctionType, GenericAlias, ModuleType
from typing import Any

import pytest

import dataprep
import dataprep.testing
from dataprep.describe import STAGES
from dataprep.testing import FakeBackend, check_backend, check_engine, check_measure, check_mix, check_op, check_rule

NEEDS = {"Dali": "nvidia", "ImageDataset": "torch", "Torch": "torch", "Transform": "torch", "lowering": "nvidia"}
"""Names that need a library of an extra."""

ALIASES = ("Image", "Params", "Sizes", "Uniforms")
"""Names of types, whose own docstring is that of what they stand for: the string below the name says what they are."""

EXAMPLES_NEED = {
    **dict.fromkeys(("Batch", "Column", "CutMix", "Mask", "MixUp", "Polygons", "TargetBatch"), "torch"),
    **dict.fromkeys(("Loader", "LoaderError", "LoaderStats", "NodeCache", "Program", "StateError"), "torch"),
    "Albumentations": "albumentations",
    "TorchVision": "torchvision",
    "to_huggingface": "datasets",
}
"""Names whose examples need a library of an extra."""


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


TABLE_OF_NAMES = (Path(__file__).parents[1] / "docs/reference/index.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photos and the manifest that the examples of docstrings have at hand, made as the reference says."""
    folder = tmp_path_factory.mktemp("examples")
    (code,) = re.findall(r"^```python\n(.*?)^```", TABLE_OF_NAMES, re.MULTILINE | re.DOTALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made: dict[str, Any] = {}
        exec(code, made)
    made["manifest"].write(folder / "manifest.parquet")
    return folder


@pytest.fixture
def names(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What an example has at hand, in a folder of its own; what it registers is forgotten after it."""
    copytree(template / "photos", tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dataprep.describe.STAGES", dict(STAGES))
    monkeypatch.setattr("dataprep.engines.local.cores", lambda: 0)  # no process is started, which takes longest
    tools = {name: getattr(dataprep.testing, name) for name in dataprep.testing.__all__}
    manifest = dataprep.Manifest.read(template / "manifest.parquet", "photos")
    return tools | {"dp": dataprep, "np": import_module("numpy"), "manifest": manifest}


def examples(module: ModuleType, name: str) -> dict[str, doctest.DocTest]:
    """Returns the examples of a public name, and of the methods and properties of a class, by what they are of."""
    texts = {name: documentation(name) if module is dataprep else getdoc(getattr(module, name)) or ""}
    public = getattr(module, name)
    if isinstance(public, type) and name not in ALIASES:
        texts |= {f"{name}.{member}": getdoc(value) or "" for member, value in vars(public).items() if is_public(member, value)}
    found = {of: doctest.DocTestParser().get_doctest(text, {}, of, of, 0) for of, text in texts.items()}
    return {of: test for of, test in found.items() if test.examples}


def is_public(name: str, value: object) -> bool:
    """Returns whether a member of a class is a method or a property that users see."""
    return not name.startswith("_") and isinstance(value, FunctionType | classmethod | staticmethod | property | cached_property)


PUBLIC_NAMES = [
    pytest.param(module, name, id=f"{module.__name__}.{name}")
    for module in (dataprep, dataprep.testing)
    for name in module.__all__
]


@pytest.mark.parametrize(("module", "name"), PUBLIC_NAMES)
def test_every_public_name_has_an_example_that_is_true(module: ModuleType, name: str, names: dict[str, Any]) -> None:
    """Every public name shows how it is used; its examples, and those of its methods, run and print what they say."""
    needed = {NEEDS.get(name), EXAMPLES_NEED.get(name)} - {None}
    missing = [library for library in needed if not find_spec(library)]
    if missing:
        pytest.skip(f"{missing} is not installed")
    found = examples(module, name)
    assert name in MADE or name in found
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for test in found.values():
        test.globs = dict(names)
        runner.run(test, out=said.append)
    assert not runner.summarize(verbose=False).failed, "".join(said)


USED = ("EpochSampler", "Loader", "LoaderStats", "Manifest", "Overrides", "Pictures", "Pipeline", "Sampler", "Transform")
"""Classes whose methods users call, rather than parts of dataprep."""


@pytest.mark.parametrize("name", USED)
def test_what_users_call_has_an_example(name: str) -> None:
    """Every method and property of the classes that users work with shows how it is used."""
    if name in NEEDS and not find_spec(NEEDS[name]):
        pytest.skip(f"{NEEDS[name]} is not installed")
    called = {f"{name}.{member}" for member, value in vars(getattr(dataprep, name)).items() if is_public(member, value)}
    assert called - examples(dataprep, name).keys() == set()


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
