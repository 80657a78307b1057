"""What setuptools does not do by itself: say what was not compiled, lay the watch beside the package, lead links home."""

import ast
import re
from pathlib import Path

from setuptools import Extension
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

HERE = Path(__file__).parent
NATIVE = HERE / "dataprep" / "images" / "native" / "__init__.py"
WATCH = "dataprep_images.pth"  # read by Python when it starts, where it lies beside packages


class Compiling(build_ext):
    """`build_ext` whose last words, shown by `pip install -v`, are what is optional and missing, and what that costs."""

    def run(self) -> None:
        """Compiles what it can."""
        super().run()
        lost = [extension for extension in self.extensions if not self._is_there(extension)]
        for extension in lost:
            needs, cost = _costs()[extension.name.rpartition(".")[2]]
            self.warn(f"{extension.name} was not compiled, so {cost}; it needs {needs}. All else works as it would.")

    def _is_there(self, extension: Extension) -> bool:
        return Path(self.get_ext_fullpath(extension.name)).exists()


class Placing(build_py):
    """`build_py` that lays the watch beside the package."""

    def run(self) -> None:
        """Copies what it is to, and the watch; an installation that can be edited does without."""
        super().run()
        if not self.editable_mode:
            self.copy_file(str(HERE / WATCH), str(Path(self.build_lib, WATCH)))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Returns the files that it makes."""
        return [*super().get_outputs(include_bytecode), str(Path(self.build_lib, WATCH))]


class Describing(egg_info):
    """`egg_info` whose description links to the repository: on a package index links within that lead nowhere."""

    def run(self) -> None:
        """Writes the metadata."""
        about = self.distribution.metadata
        home = about.project_urls["Source"]
        for ending, view in ((r"\.(?:png|svg|webp)", "raw"), ("", "blob")):
            link = rf"\]\((?!https?:|#)([^)]+{ending})\)"
            about.long_description = re.sub(link, rf"]({home}/{view}/main/\1)", about.long_description)
        super().run()


def _costs() -> dict[str, tuple[str, str]]:
    """Returns the table of the package, which cannot be imported yet."""
    for node in ast.parse(NATIVE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "COSTS":
            costs: dict[str, tuple[str, str]] = ast.literal_eval(node.value)
            return costs
    raise AssertionError(f"{NATIVE} has a table of costs")
