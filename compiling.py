"""Compiles as setuptools does, and says at the end what could not be compiled and what that costs. Shown by `pip install -v`."""

import ast
from pathlib import Path

from setuptools import Extension
from setuptools.command.build_ext import build_ext

NATIVE = Path(__file__).parent / "dataprep" / "images" / "native" / "__init__.py"


class Compiling(build_ext):
    """`build_ext` whose last words are about what is optional and missing."""

    def run(self) -> None:
        """Compiles what it can."""
        super().run()
        lost = [extension for extension in self.extensions if not self._is_there(extension)]
        for extension in lost:
            needs, cost = _costs()[extension.name.rpartition(".")[2]]
            self.warn(f"{extension.name} was not compiled, so {cost}; it needs {needs}. All else works as it would.")

    def _is_there(self, extension: Extension) -> bool:
        return Path(self.get_ext_fullpath(extension.name)).exists()


def _costs() -> dict[str, tuple[str, str]]:
    """Returns the table of the package, which cannot be imported yet."""
    for node in ast.parse(NATIVE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "COSTS":
            costs: dict[str, tuple[str, str]] = ast.literal_eval(node.value)
            return costs
    raise AssertionError(f"{NATIVE} has a table of costs")
