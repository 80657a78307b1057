"""Files come under their names as wholes."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import IO

import pytest

from dataprep import files
from dataprep.errors import DataprepError, ManifestError, PipelineError
from dataprep.files import UNFINISHED, creating, naming, replacing, sweep, unfinished, write, write_text

LONGEST = "n" * 255  # bytes that a name may have


def names(folder: Path) -> set[str]:
    """What a folder holds."""
    return set(os.listdir(folder))


@pytest.mark.parametrize("name", ["manifest.parquet", LONGEST, os.fsdecode(b"\xff")])
def test_a_file_is_replaced_at_the_end(tmp_path: Path, name: str) -> None:
    """Until all is written the former file stands, and then nothing is left beside the new one, whatever its name."""
    path = tmp_path / name
    path.write_text("before")
    with replacing(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert names(tmp_path) == {name}


@pytest.mark.parametrize("under", [creating, replacing])
def test_an_error_leaves_all_as_it_was(tmp_path: Path, under: Callable[..., AbstractContextManager[object]]) -> None:
    """What goes wrong while writing goes on to the caller, and leaves the former file alone."""
    path = tmp_path / "manifest.parquet"
    path.write_text("before")
    with pytest.raises(ValueError, match="half"), under(str(path)):
        raise ValueError("half")
    assert path.read_text() == "before"
    assert names(tmp_path) == {"manifest.parquet"}


def test_a_new_file_comes_over_no_other(tmp_path: Path) -> None:
    """Where the name is taken when all is written, that file stays, and the new one is removed."""
    path = tmp_path / "0.png"
    with pytest.raises(FileExistsError), creating(str(path)) as file:
        file.write(b"new")
        path.write_bytes(b"other")
    assert path.read_bytes() == b"other"
    assert names(tmp_path) == {"0.png"}


def test_a_name_that_is_a_folder(tmp_path: Path) -> None:
    """A folder is never replaced by a file, and nothing is left beside it."""
    (tmp_path / "out").mkdir()
    with pytest.raises(DataprepError, match="out cannot be written: Is a directory"):
        write_text(tmp_path / "out", "text")
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize("act", [lambda folder: sweep([str(folder)]), lambda folder: write_text(folder / "m", "whole")])
def test_what_a_killed_run_left_is_removed(tmp_path: Path, act: Callable[[Path], None]) -> None:
    """What a process left that ended is swept, by the next write at the latest; what is being written, and other files, stay."""
    for name in ("m.tmp", ".dataprep", "finished"):
        (tmp_path / name).write_text("other")
    kill = f"import os; from dataprep.files import *\nwith unfinished({str(tmp_path)!r}) as file: os._exit(0)"
    subprocess.run([sys.executable, "-c", kill], check=True, timeout=300)
    (tmp_path / f"{UNFINISHED}7").hardlink_to(tmp_path / "finished")  # linked to its name already when the kill came
    with unfinished(tmp_path) as written:
        assert len([name for name in names(tmp_path) if name.startswith(UNFINISHED)]) == 3
        act(tmp_path)
        assert names(tmp_path) - {"m"} == {"m.tmp", ".dataprep", "finished", os.path.basename(written.name)}
    assert (tmp_path / "finished").read_text() == "other"


def test_sweeping_what_is_not_there(tmp_path: Path) -> None:
    """A folder that is gone, or a file in its place, has nothing to be swept."""
    (tmp_path / "file").touch()
    sweep([str(tmp_path / "gone"), str(tmp_path / "file")])


def test_writers_at_once(tmp_path: Path) -> None:
    """Of many that write the same and other names in one folder, each sees its file whole, and nothing is left."""

    def put(number: int) -> None:
        write_text(tmp_path / "same", str(number) * 1000)
        write(str(tmp_path / f"own {number}"), str(number).encode() * 1000)

    with ThreadPool(8) as threads:
        threads.map(put, range(100))
    assert names(tmp_path) == {"same", *(f"own {number}" for number in range(100))}
    assert len(set((tmp_path / "same").read_text())) <= 2
    assert all((tmp_path / f"own {number}").read_bytes() == str(number).encode() * 1000 for number in range(100))


def test_swept_before_it_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another run sweeps between its making and its lock is made again."""
    swept: list[str] = []

    def open_and_sweep(path: str, mode: str) -> IO[bytes]:
        file = open(path, mode)  # noqa: SIM115  closed by who asked for it
        if not swept:
            swept.append(path)
            os.unlink(path)
        return file

    monkeypatch.setattr(files, "open", open_and_sweep, raising=False)
    write(str(tmp_path / "0.png"), b"whole")
    assert swept and (tmp_path / "0.png").read_bytes() == b"whole"
    assert names(tmp_path) == {"0.png"}


def test_modified(tmp_path: Path) -> None:
    """A new file has the modified time that it is given."""
    write(str(tmp_path / "0.png"), b"whole", 10**18 + 1)
    assert (tmp_path / "0.png").stat().st_mtime_ns == 10**18 + 1


@pytest.mark.parametrize("kind", [DataprepError, PipelineError, ManifestError])
def test_errors_of_the_file_system_are_ours(tmp_path: Path, kind: type[DataprepError]) -> None:
    """An error of the file system becomes the one that is asked for, with the path and the reason; one of ours stays itself."""
    with pytest.raises(kind, match=r"gone/text cannot be written: No such file or directory"):
        write_text(tmp_path / "gone" / "text", "text", kind)
    with pytest.raises(DataprepError, match=r"^ours$"), naming(tmp_path, kind=kind):
        raise DataprepError("ours")
