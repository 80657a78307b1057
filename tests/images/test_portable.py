"""What is compiled is portable: other processors and machines without a compiler have the same manifest and the same batches.

The package is copied and compiled as another machine would, and cleans and loads some files there. `arm.sh` makes the folder that
DATAPREP_ARM names: a Python for 64-bit ARM and the libraries that dataprep needs, which run here under QEMU.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from dataprep.images import native
from dataprep.testing import encoded, photo

ROOT = Path(__file__).parents[2]  # which has no sources where the package is installed
SOURCES = sorted((ROOT / "dataprep" / "images" / "native").glob("*.c"))
JOB = Path(__file__).with_name("portable_job.py")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
OPTIMISED = "-O1"  # compiles three times as fast as what is installed, to the same bits
HEADERS = ["-I", sysconfig.get_path("include")]
if multiarch := sysconfig.get_config_var("MULTIARCH"):
    HEADERS += ["-idirafter", f"/usr/include/{multiarch}", "-idirafter", "/usr/include"]  # libjpeg-turbo's, plain C

pytestmark = pytest.mark.skipif(not SOURCES, reason="the sources of what is compiled are not here")


@cache
def compilers() -> dict[str, list[str]]:
    """Returns the compilers that are here, by what they compile for."""
    zig = [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else []
    known = {
        "this machine": [shutil.which("cc")],
        "ARM": [shutil.which("aarch64-linux-gnu-gcc")],
        "ARM, by zig": [*zig, "-target", "aarch64-linux-gnu"] if zig else [None],
    }
    return {name: [part for part in command if part] for name, command in known.items() if command[0]}


def compiler(name: str) -> list[str]:
    """Returns a compiler, or skips."""
    return compilers().get(name) or pytest.skip(f"there is no compiler for {name}")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEG files of all common kinds and odd sizes, some turned, gray or progressive, some PNG files, and one that is damaged."""
    folder = tmp_path_factory.mktemp("pictures")
    kinds: list[dict[str, Any]] = [
        {"subsampling": 0},
        {"subsampling": 1, "optimize": True},
        {"subsampling": 2},
        {"progressive": True},
        {"restart_marker_blocks": 5},
    ]
    for seed in range(20):
        height, width = [(300, 401), (129, 128), (577, 260), (33, 61), (260, 1100)][seed % 5]
        image, options = photo(seed, height, width), kinds[(seed // 2) % 5]
        if seed % 7 == 3:
            exif = PIL.Image.Exif()
            exif[0x0112] = 2 + seed % 7
            options = {**options, "exif": exif}
        if seed % 6 == 4:
            image, options = image[..., 0], {}
        (folder / f"{seed:02d}.jpg").write_bytes(encoded(image, quality=70 + seed, **options))
    PIL.Image.fromarray(photo(20, 200, 300)).save(folder / "20.png")
    PIL.Image.fromarray(photo(21, 90, 70)).save(folder / "21.webp", lossless=True)
    whole = (folder / "00.jpg").read_bytes()
    (folder / "22.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


def modules() -> list[dict[str, Any]]:
    """Returns what is compiled, as pyproject.toml lists it."""
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    return found


def build(folder: Path, command: Sequence[str]) -> None:
    """Copies the package into a folder and compiles what it has there; what cannot be linked is left out, as in an install."""
    shutil.copytree(ROOT / "dataprep", folder / "dataprep", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for module in modules() if command else ():
        name, sources = module["name"].rpartition(".")[2], [str(ROOT / source) for source in module["sources"]]
        out = folder / "dataprep" / "images" / "native" / f"{name}.abi3.so"
        libraries = [f"-l{library}" for library in module.get("libraries", ())]
        options = [*module["extra-compile-args"], OPTIMISED, "-shared", "-fPIC", *HEADERS, "-o", str(out), *sources, *libraries]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or libraries, done.stderr


class Worlds:
    """Copies of the package, each compiled once, and what they make of the pictures."""

    def __init__(self, factory: pytest.TempPathFactory, pictures: Path) -> None:
        self.factory, self.pictures = factory, pictures
        self.folders: dict[tuple[str, ...], Path] = {}
        self.results: dict[tuple[object, ...], dict[str, Any]] = {}

    def folder(self, *command: str) -> Path:
        """Returns a copy that was compiled by a command, or not at all where there is none."""
        if command not in self.folders:
            self.folders[command] = self.factory.mktemp("world")
            build(self.folders[command], command)
        return self.folders[command]

    def result(self, *command: str, workers: int = 0) -> dict[str, Any]:
        """Returns what comes out there."""
        if (command, workers) not in self.results:
            self.results[command, workers] = found(self.folder(*command), [sys.executable], self.pictures, workers)
        return self.results[command, workers]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Worlds:
    """Copies of the package."""
    return Worlds(tmp_path_factory, pictures)


def found(folder: Path, python: Sequence[str], pictures: Path, workers: int, path: Sequence[Path] = ()) -> dict[str, Any]:
    """Returns what a copy of the package makes of the pictures."""
    places = os.pathsep.join(map(str, (folder, *path)))
    command = [*python, str(JOB), str(pictures), str(workers)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": places}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("workers", [0, 1], ids=["here", "in a process"])
def test_no_compiler_changes_nothing(worlds: Worlds, workers: int) -> None:
    """Without what is compiled, manifest and batches are the same to the last bit."""
    compiled, plain = worlds.result(*compiler("this machine"), workers=workers), worlds.result(workers=workers)
    assert set(compiled["compiled"]) >= {"resample", "measure", "align"}
    assert plain["compiled"] == []
    for said in ("columns", "batches", "alignments"):
        assert plain[said] == compiled[said]


def test_no_wide_registers_change_nothing(worlds: Worlds) -> None:
    """Without the code for AVX2, manifest, batches and what compiled code finds are the same to the last bit."""
    assert worlds.result(*compiler("this machine"), "-DPLAIN") == worlds.result(*compiler("this machine"))


@pytest.mark.skipif(shutil.which("objdump") is None, reason="nothing here reads machine code")
@pytest.mark.skipif(sysconfig.get_platform() != "linux-x86_64", reason="this machine has no such registers")
def test_plain_code_is_plain(worlds: Worlds) -> None:
    """`-DPLAIN` leaves out all code for registers of 256 bits, of which there is some."""
    for flags, some in (([], True), (["-DPLAIN"], False)):
        paths = sorted(worlds.folder(*compiler("this machine"), *flags).rglob("*.so"))
        code = [subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout for path in paths]
        assert any("%ymm" in each for each in code) == some


@pytest.mark.parametrize("target", ["this machine", "ARM", "ARM, by zig"])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_compiles_without_warnings(tmp_path: Path, source: Path, target: str) -> None:
    """Every file of C compiles for this machine and for 64-bit ARM, and no compiler has anything to say about it."""
    command = [*compiler(target), *WARNINGS, OPTIMISED, "-fPIC", *HEADERS, "-c", str(source), "-o", str(tmp_path / "object.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for header, whose in {"jpeglib.h": "libjpeg-turbo", "pyconfig.h": "this Python for another processor"}.items():
        if f"{header}: No such file" in done.stderr:
            pytest.skip(f"the headers of {whose} are not here")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", native.COSTS)
def test_what_is_missing_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each module that was not compiled a sentence says what that costs and what it needs; nothing is said of the others."""
    monkeypatch.setattr(native, "module", lambda asked: None if asked == name else native)
    (said,) = native.missing()
    assert said.startswith(f"`{name}` was not compiled, so ")
    assert "C compiler" in said


@pytest.mark.slow
def test_a_build_tells_what_is_missing(tmp_path: Path) -> None:
    """A build without a compiler ends well, and its last words are what each module costs that is missing."""
    names = ["pyproject.toml", "building.py", "README.md", "LICENSE", "NOTICE", "dataprep", "dataprep_images.py"]
    for name in names:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    code = "from setuptools import setup; setup()"
    command = [sys.executable, "-W", "ignore", "-c", code, "build_ext", "--build-lib", "here", "--build-temp", "there"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "CC": "false"}, capture_output=True, text=True, check=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "was not compiled" in line]
    assert len(said) == len(native.COSTS)
    assert all(cost in "".join(said) for _, cost in native.COSTS.values())


@pytest.mark.slow
@pytest.mark.skipif("DATAPREP_ARM" not in os.environ, reason="DATAPREP_ARM names no folder that tests/images/arm.sh has made")
def test_arm_has_the_same_bits(worlds: Worlds, pictures: Path) -> None:
    """On 64-bit ARM manifest, batches and what compiled code finds are the same to the last bit as on x86-64."""
    arm = Path(os.environ["DATAPREP_ARM"]).resolve()
    folder = worlds.folder(*compiler("ARM"), "-L", str(arm / "root/usr/lib/aarch64-linux-gnu"))
    python = ["qemu-aarch64-static", "-L", str(arm / "root"), str(arm / "root/usr/bin/python3.11")]
    assert found(folder, python, pictures, 0, [arm / "site"]) == worlds.result(*compiler("this machine"))
