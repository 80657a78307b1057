"""What is handed to others: the source distribution, the wheel, and what they say of themselves."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import dataprep

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = dict(re.findall(r"^([\w-]+): (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE))


def build(folder: Path, *commands: str) -> Path:
    """Returns what setuptools makes in a folder, without a compiler; nothing is written beside the sources."""
    pytest.importorskip("setuptools", "80")
    code = "from setuptools import setup; setup()"
    python = [sys.executable, "-W", "ignore", "-c", code]
    command = [*python, "egg_info", "--egg-base", str(folder), *commands, "--dist-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "CC": "false"}, capture_output=True, text=True, check=True)
    (made,) = [path for path in folder.iterdir() if path.suffix in (".gz", ".whl")]
    return made


def test_versions_and_addresses_agree() -> None:
    """Package, metadata and citation name the same version, licence and addresses."""
    assert dataprep.__version__ == PROJECT["version"] == CITATION["version"]
    assert PROJECT["license"] == CITATION["license"]
    urls = PROJECT["urls"]
    assert (urls["Source"], urls["Documentation"]) == (CITATION["repository-code"], CITATION["url"])
    assert all(url.startswith((urls["Source"], urls["Documentation"])) for url in urls.values())


def test_a_source_distribution_is_complete(tmp_path: Path) -> None:
    """Whatever git tracks is in it, and nothing that was built; its description, seen elsewhere, links to the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout")
    with tarfile.open(build(tmp_path, "sdist")) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
        description = archive.extractfile(f"{Path(archive.getnames()[0]).parts[0]}/PKG-INFO").read().decode()
    assert {name for name in listed.stdout.splitlines() if (ROOT / name).exists()} - names == set()
    assert not [name for name in names if name.endswith((".so", ".pyc", ".o"))]
    links = re.findall(r"\]\(([^)]+)\)", description)
    home = PROJECT["urls"]["Source"]
    assert f"{home}/blob/main/docs/installing.md" in links
    assert all(link.startswith(("https://", "#")) for link in links)


@pytest.mark.slow
def test_a_wheel_has_what_runs(tmp_path: Path) -> None:
    """One wheel is for all versions of Python from 3.11 on; it has the watch beside the package, and no sources of C."""
    wheel = build(tmp_path, "build", "--build-base", str(tmp_path / "build"), "bdist_wheel")
    assert "-cp311-abi3-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    places = {name.partition("/")[0] for name in names}
    about = f"dataprep_images-{dataprep.__version__}.dist-info"
    assert places == {"dataprep", "dataprep_images.py", "dataprep_images.pth", about}
    assert not [name for name in names if name.endswith((".c", ".h", ".pyc"))]
    assert {"dataprep/py.typed", "dataprep/__init__.pyi"} <= set(names)
