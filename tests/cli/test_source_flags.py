"""The flags of `dataprep clean` that say what is scanned and what its labels are."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dataprep.cli.clean import clean
from dataprep.manifest import Manifest
from dataprep.testing import encoded, photo


def put(root: Path, *paths: str) -> Path:
    """Writes different photographs below a folder."""
    for number, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(encoded(photo(number)))
    return root


def run(*arguments: Any, given: bytes | None = None) -> tuple[int, str]:
    """The exit code and all that the command prints."""
    done = CliRunner().invoke(clean, [*map(str, arguments), "--workers", "0", "--no-report"], input=given)
    return done.exit_code, done.output + (f"{done.exception}" if done.exception and done.exit_code == 1 else "")


def labels(out: Path) -> dict[str, str | None]:
    """The label of each image of a manifest by its name."""
    table = Manifest.read(out).table
    names = [uri.rpartition("/")[2] for uri in table["uri"].to_pylist()]
    return dict(zip(names, table["label"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), {"1.jpg": "a", "2.jpg": "a", "3.jpg": "b"}),
        (("--label", "parent"), {"1.jpg": "a", "2.jpg": "x", "3.jpg": "b"}),
        (("--label", "none"), {"1.jpg": None, "2.jpg": None, "3.jpg": None}),
        (("--label", r"(\d)\.jpg"), {"1.jpg": "1", "2.jpg": "2", "3.jpg": "3"}),
        (("--splits",), {"1.jpg": None, "2.jpg": "x", "3.jpg": None}),
        (("--exclude", "x"), {"1.jpg": "a", "3.jpg": "b"}),
        (("--include", "a/*", "--exclude", "2*"), {"1.jpg": "a"}),
        (("--labels", "labels.csv"), {"1.jpg": "one", "2.jpg": "two", "3.jpg": None}),
        (
            ("--labels", "labels.csv", "--label-column", "b", "--image-column", "id"),
            {"1.jpg": "p|q", "2.jpg": "q", "3.jpg": None},
        ),
        (("--labels", "labels.csv", "--label-column", "c", "--separator", " "), {"1.jpg": "r|s", "2.jpg": "t", "3.jpg": None}),
        (("--labels", "labels.csv", "--label-column", "c", "--label-as", "class"), {"1.jpg": "r s", "2.jpg": "t", "3.jpg": None}),
    ],
)
def test_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], expected: dict[str, str | None]) -> None:
    """Each flag means what the argument of `open_source` of its name does."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "photos", "a/1.jpg", "a/x/2.jpg", "b/3.jpg")
    Path("labels.csv").write_text("id,label,b,c\n1,one,p|q,r s\n2,two,q,t\n")
    code, said = run("photos", "--out", "out", *flags)
    assert code == 0, said
    assert labels(Path("out")) == expected


def test_several_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several folders, several files, and a list on standard input are sources."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "a/cat/1.jpg", "b/dog/2.jpg")
    for place, (arguments, given) in enumerate([(("a", "b"), None), (("a/cat/1.jpg", "b/dog/2.jpg"), None), (("-",), True)]):
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        code, said = run(*arguments, "--out", f"out{place}", given=b"a/cat/1.jpg\nb/dog/2.jpg\n" if given else None)
        assert code == 0, said
        assert list(labels(Path(f"out{place}")).values()) == (["cat", "dog"] if place == 0 else ["a", "b"])


@pytest.mark.parametrize("form", ["classes.txt", "classes.json", "out/manifest.parquet", "out"])
def test_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Classes come from a text file, a JSON list or another manifest, and number labels alike in all of them."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "train/0/1.jpg", "train/180/2.jpg", "train/90/3.jpg", "val/0/4.jpg", "val/90/5.jpg")
    assert run("train", "--out", "out", "--label", "parent")[0] == 0
    Path("classes.txt").write_text("0\n180\n90\n\n")
    Path("classes.json").write_text(json.dumps([0, 180, 90]))
    code, said = run("val", "--out", "val-out", "--label", "parent", "--classes", form)
    assert code == 0, said
    assert Manifest.read("val-out").classes == Manifest.read("out").classes == ("0", "180", "90")
    Path("few.txt").write_text("0\n")
    code, said = run("val", "--out", "other", "--label", "parent", "--classes", "few.txt")
    assert code == 1
    assert "1 label of the images is not in the list of classes: '90'" in said


def test_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is a source; what its paths are relative to is its folder, or the root."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "photos", "1.jpg", "2.jpg")
    Path("t.csv").write_text("path,label\n1.jpg,cat\n2.jpg,dog\n")
    assert run("t.csv", "--root", "photos", "--out", "out")[0] == 0
    assert labels(Path("out")) == {"1.jpg": "cat", "2.jpg": "dog"}


def test_against(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SOURCE is compared with may be any source, and splits of folders are not looked for in SOURCE."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "train/test/1.jpg", "train/cat/2.jpg", "held/3.jpg")
    Path("held/3.jpg").write_bytes(Path("train/cat/2.jpg").read_bytes())
    Path("held.txt").write_text("held/3.jpg\n")
    code, said = run("train", "--against", "held.txt", "--out", "out", "--json")
    assert code == 0, said
    assert json.loads(said[: said.rindex("}") + 1])["leaks"] == 1
    code, said = run("train", "--against", "held", "--splits", "--out", "out")
    assert (code, "--against and --splits exclude each other" in said) == (2, True)
    code, said = run("train", "--protect", "test", "--no-splits", "--out", "out")
    assert (code, "--protect names splits, and --no-splits says that there are none" in said) == (2, True)


def test_help() -> None:
    """Flags stand under headings, each once."""
    said = CliRunner().invoke(clean, ["--help"]).output
    for heading in ("Which images:", "Labels and splits:", "What is bad:", "What is a copy:", "What is done with the result:"):
        assert said.count(heading) == 1
    for parameter in clean.params:
        if parameter.param_type_name == "option":
            name = ", ".join(parameter.opts)
            assert said.count(f"  {name} ") + said.count(f"  {name}\n") == 1, name
