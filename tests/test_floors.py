"""The floors: which module may import which, read from the source with `ast`."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dataprep

FLOORS = {
    0: ("describe", "errors", "types", "draws", "namesake", "writing"),
    1: ("stages", "stages.*", "images", "images.*", "cleaning", "cleaning.measure", "cleaning.known", "search", "search.*"),
    2: (
        *(
            "manifest",
            "manifest.manifest",
            "manifest.overrides",
            "manifest.verdicts",
            "orders",
            "pipeline",
            "sampler",
            "cache",
            "delivery",
        ),
        *("cleaning.engines", "cleaning.engines.local", "sources", "sources.*"),
    ),
    3: (
        "cleaning.clean",
        "manifest.concatenate",
        "manifest.splits",
        "loader",
        "mixing",
        "apply",
        "apply.*",
        "report",
        "report.*",
    ),
    4: ("cleaning.engines.ray", "backends", "backends.*"),
    5: ("__init__", "__main__", "cli", "cli.*", "testing", "demo", "demo.*"),
}
FRAMEWORKS = {"torch", "ray", "nvidia", "albumentations"}

ROOT = Path(dataprep.__file__).parent
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(ROOT.rglob("*.py"))}
MODULES = {name if name == "__init__" else name.removesuffix(".__init__"): path for name, path in MODULES.items()}


def floors_of(name: str) -> list[int]:
    """Returns the floors that claim a module, named below `dataprep`."""
    return [floor for floor, patterns in FLOORS.items() if any(fnmatchcase(name, pattern) for pattern in patterns)]


def imported(path: Path) -> Iterator[str]:
    """Yields what a file imports, at the top and inside functions: `a.b` for `import a.b`, `a.b.c` for `from a.b import c`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def neighbours(name: str) -> set[str]:
    """Returns the modules of dataprep that one imports, named below `dataprep`."""
    found = set()
    for target in imported(MODULES[name]):
        package, _, below = target.partition(".")
        if package == "dataprep":
            # `from dataprep.manifest import Manifest` is about the module `manifest`
            places = (below, below.rpartition(".")[0], "__init__")
            found.add(next(place for place in places if place in MODULES))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_floor(name: str) -> None:
    """Every module belongs to exactly one floor."""
    assert len(floors_of(name)) == 1, f"dataprep.{name} is on floors {floors_of(name)}; name it in FLOORS once"


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down(name: str) -> None:
    """A module imports from its own floor and from lower ones only."""
    (floor,) = floors_of(name)
    above = {other for other in neighbours(name) if floors_of(other)[0] > floor}
    assert not above, f"dataprep.{name} on floor {floor} imports from above: {sorted(above)}"


def test_no_cycles() -> None:
    """No module imports itself by way of others."""
    TopologicalSorter({name: neighbours(name) for name in MODULES}).prepare()


@pytest.mark.parametrize("name", MODULES)
def test_frameworks_stay_on_floor_4(name: str) -> None:
    """Only floor 4 imports torch, ray, DALI or albumentations, be it inside a function."""
    found = {target.partition(".")[0] for target in imported(MODULES[name])} & FRAMEWORKS
    assert not found or floors_of(name) == [4], f"dataprep.{name} imports {sorted(found)}"


@pytest.mark.parametrize("name", MODULES)
def test_imports_are_absolute(name: str) -> None:
    """Imports within dataprep are absolute, so that the rules above see them."""
    assert not [target for target in imported(MODULES[name]) if target.startswith(".")]
