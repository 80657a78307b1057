"""The unrelated library of the same name: whatever the order in which the two come and go, who imports `dataprep` is told."""

import shutil
import subprocess
import sys
from pathlib import Path

import click
import lazy_loader
import packaging
import pytest

import dataprep
import dataprep_images

THEIRS = {
    "dataprep/__init__.py": '__version__ = "0.4.5"\n',
    "dataprep/errors.py": "class DataprepError(Exception):\n    pass\n",
    "dataprep/eda/__init__.py": "",
    "dataprep-0.4.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: dataprep\nVersion: 0.4.5\n",
}
"""Files of the other library, two of which are named as ours."""

START = "import site, sys; site.addsitedir({site!r}); sys.path[:0] = {first!r}; "
COMMAND = "import dataprep_images; sys.argv = ['dataprep', '--help']; dataprep_images.main()"


class Site:
    """A folder of packages, in which this library and the other one come and go as pip has it: file by file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for module in (lazy_loader, click, packaging):
            package = Path(str(module.__file__)).parent
            shutil.copytree(package, folder / package.name)

    def install(self, which: str) -> None:
        """Writes all files of one library, over those of the other."""
        if which == "theirs":
            for name, text in THEIRS.items():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_text(text)
            return
        unneeded = shutil.ignore_patterns("*.so", "*.c", "*.h", "__pycache__")
        shutil.copytree(Path(dataprep.__file__).parent, self.folder / "dataprep", ignore=unneeded, dirs_exist_ok=True)
        module = Path(dataprep_images.__file__)
        for path in (module, module.with_suffix(".pth")):
            shutil.copy(path, self.folder)

    def uninstall_theirs(self) -> None:
        """Removes all files that the other library wrote."""
        for name in THEIRS:
            (self.folder / name).unlink()
        (self.folder / "dataprep-0.4.5.dist-info").rmdir()

    def python(self, code: str, first: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Runs code where this folder is that of the installed packages, behind some other folders."""
        start = START.format(site=str(self.folder), first=list(first))
        command = [sys.executable, "-I", "-S", "-c", start + code]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One without either."""
    return Site(tmp_path / "site")


@pytest.mark.parametrize(
    ("steps", "imported", "said", "works"),
    [
        (["ours"], "0.1.0", "", True),
        (["theirs", "ours"], "0.1.0", "UserWarning: the unrelated library `dataprep` 0.4.5 is installed beside", True),
        (["ours", "theirs"], "0.4.5", "UserWarning: `import dataprep` gives the unrelated library `dataprep` 0.4.5", False),
        (["ours", "theirs", "gone"], None, "ImportError: dataprep-images is broken", False),
        (["theirs", "ours", "gone"], None, "ImportError: dataprep-images is broken", False),
        (["theirs", "ours", "gone", "ours"], "0.1.0", "", True),
        (["ours", "theirs", "gone", "ours"], "0.1.0", "", True),
        (["ours", "theirs", "ours"], "0.1.0", "UserWarning: the unrelated library `dataprep` 0.4.5 is installed beside", True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_every_order_is_told(site: Site, steps: list[str], imported: str | None, said: str, works: bool) -> None:
    """After any order of coming and going, the import and the command work or say what is wrong and the command that mends it."""
    for step in steps:
        site.uninstall_theirs() if step == "gone" else site.install(step)
    done = site.python("import dataprep; print(dataprep.__version__)")
    assert (done.stdout.strip() or None, said in done.stderr, bool(done.stderr)) == (imported, True, bool(said))
    command = site.python(COMMAND)
    assert command.returncode == (0 if works else 1)
    assert ("Usage: dataprep" in command.stdout) == works
    for text in (done.stderr, command.stderr):
        assert not text or dataprep_images.RESTORE in text
    assert works or (command.stderr.startswith("Error: ") and command.stderr.count("\n") == 1)


@pytest.mark.parametrize("name", ["dataprep.py", "dataprep/__init__.py"])
def test_a_file_of_that_name_is_told(site: Site, tmp_path: Path, name: str) -> None:
    """A script or a folder that hides the package is named, with what to do."""
    site.install("ours")
    hiding = tmp_path / "work" / name
    hiding.parent.mkdir(parents=True)
    hiding.write_text("")
    done = site.python("import dataprep", (str(tmp_path / "work"),))
    assert done.returncode == 0
    assert f"`import dataprep` gives {hiding}, which is not dataprep-images: give that another name or place" in done.stderr


def test_nothing_of_that_name_is_left_in_peace(site: Site) -> None:
    """Where no `dataprep` is found, the import fails as any other does; other imports are not looked at."""
    site.install("ours")
    shutil.rmtree(site.folder / "dataprep")
    done = site.python("import json, xml.dom; import dataprep")
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'dataprep'"


def test_this_library_is_known_by_its_mark() -> None:
    """The mark by which this library's package is known is in it."""
    assert dataprep_images.MARK in Path(dataprep.__file__).read_bytes()
