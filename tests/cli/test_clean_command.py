"""`dataprep clean`: what it writes and prints, what its flags do, how it refuses, and what a stop leaves behind."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataprep.cli import SUBCOMMANDS, output
from dataprep.cli.clean import clean
from dataprep.cli.options import PROTECTED
from dataprep.files import UNFINISHED
from dataprep.images.decode import decode
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.report.findings import REMEDIES
from dataprep.stages import AllOf, Deduplicate, Normalize, Require, Resize
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import encoded, photo, write_images

TIMEOUT = 60  # seconds until a process that ought to end is given up: a limit for broken code, not a measurement


Command = Callable[..., Any]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight good photos, one of each kind of noise, a broken image, an exact and a near duplicate, and a text file."""
    folder = tmp_path / "photos"
    paths = write_images(folder, 8)
    noise = folder / "noise"
    noise.mkdir()
    (noise / "small.png").write_bytes(encoded(photo(50, 16, 24), "PNG"))
    (noise / "dark.png").write_bytes(encoded(photo(51) // 20, "PNG"))
    (noise / "bright.png").write_bytes(encoded(255 - photo(52) // 20, "PNG"))
    (noise / "flat.png").write_bytes(encoded(photo(53) // 40 + 100, "PNG"))
    (noise / "blurred.png").write_bytes(encoded(np.asarray(cv2.GaussianBlur(photo(54), None, 4), np.uint8), "PNG"))
    (noise / "broken.jpg").write_bytes(paths[0].read_bytes()[:2000])
    (noise / "copy.jpg").write_bytes(paths[0].read_bytes())
    (noise / "near.png").write_bytes(encoded(photo(1)[::2, ::2], "PNG"))
    (noise / "notes.txt").write_text("not an image")
    return folder


def stamps(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Returns the bytes and the modification time of everything in a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def summary_of(out: Path) -> dict[str, Any]:
    """Returns what summary.json holds."""
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return summary


def reasons_of(out: Path) -> dict[str, str | None]:
    """Returns the reason of each image by its uri."""
    table = pq.read_table(out / "manifest.parquet")
    return dict(zip(table["uri"].to_pylist(), table["reason"].to_pylist(), strict=True))


NOISE = {
    "noise/small.png": "too small",
    "noise/dark.png": "too dark",
    "noise/bright.png": "too bright",
    "noise/flat.png": "nearly uniform",
    "noise/blurred.png": "blurred",
    "noise/broken.jpg": "unreadable",
    "noise/copy.jpg": "exact duplicate",
    "noise/near.png": "near duplicate",
}


def test_manifest_and_summary_agree(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """One command drops every kind of noise for its reason, and manifest, summary and terminal tell the same."""
    out = tmp_path / "deep" / "out"
    ended = dataprep("clean", photos, "--out", out)
    assert ended.code == 0
    reasons = reasons_of(out)
    assert {uri: reason for uri, reason in reasons.items() if reason} == NOISE
    summary, manifest = summary_of(out), Manifest.read(out / "manifest.parquet")
    assert (summary["scanned"], summary["kept"], summary["measured"]) == (16, 8, 16)
    assert summary["dropped"] == manifest.reasons() == dict.fromkeys(sorted(NOISE.values()), 1)
    assert {label: count["kept"] for label, count in summary["labels"].items()} == {"cat": 4, "dog": 4, "noise": 0}
    assert summary["ignored"] == manifest.ignored == {".txt": 1}
    assert summary["fingerprint"] == manifest.fingerprint
    assert summary["version"] == 3
    for words in (("scanned", "16"), ("kept", "8"), *((reason, "1") for reason in NOISE.values())):
        assert any(line.split() == " ".join(words).split() for line in ended.out.splitlines()), words
    assert str(out / "manifest.parquet") in ended.out
    assert sorted(path.name for path in out.iterdir()) == ["cache", "manifest.parquet", "report.html", "summary.json"]


def test_the_source_is_never_changed(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """After two runs every byte and every modification time of the source is what it was."""
    before = stamps(photos)
    for flags in ((), ("--statistics", "--min-sharpness", "off")):
        assert dataprep("clean", photos, "--out", tmp_path / "out", "--workers", "0", *flags).code == 0
    assert stamps(photos) == before


def test_json_is_the_summary(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """`--json` prints summary.json and nothing else."""
    ended = dataprep("clean", photos, "--out", tmp_path / "out", "--workers", "0", "--json")
    assert (ended.code, ended.error) == (0, "")
    assert json.loads(ended.out) == summary_of(tmp_path / "out")


def test_quiet_prints_nothing(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """`--quiet` writes the files and prints nothing at all."""
    assert dataprep("clean", photos, "--out", tmp_path / "out", "--workers", "0", "--quiet") == (0, "", "")
    assert summary_of(tmp_path / "out")["kept"] == 8


def test_a_second_run_measures_nothing(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """The same command again reads no image and gives the same manifest; a new image is the only one measured."""
    out = tmp_path / "out"
    command = ("clean", photos, "--out", out, "--workers", "0", "--json")
    first = json.loads(dataprep(*command).out)
    table = pq.read_table(out / "manifest.parquet")
    second = json.loads(dataprep(*command).out)
    assert (first["measured"], second["measured"]) == (16, 0)
    assert pq.read_table(out / "manifest.parquet") == table
    assert second["fingerprint"] == first["fingerprint"]
    (photos / "new.jpg").write_bytes(encoded(photo(99)))
    third = json.loads(dataprep(*command).out)
    assert (third["scanned"], third["measured"], third["kept"]) == (17, 1, 9)


@pytest.mark.parametrize(
    ("flag", "dropping", "reason"),
    [
        ("--min-side", "97", "too small"),
        ("--min-brightness", "250", "too dark"),
        ("--max-brightness", "5", "too bright"),
        ("--min-contrast", "120", "nearly uniform"),
        ("--min-sharpness", "1e9", "blurred"),
        ("--radius", "31", "near duplicate"),
    ],
)
def test_every_threshold_changes_or_switches_off_its_rule(
    dataprep: Command, photos: Path, tmp_path: Path, flag: str, dropping: str, reason: str
) -> None:
    """A threshold flag drops more for its reason when stricter, nothing for it when "off", and needs no image for either."""
    counts = {}
    for value in ("off", None, dropping):
        given = () if value is None else (flag, value)
        given += ("--verify-radius", "off") if flag == "--radius" else ()  # else the second hash has the last word
        ended = dataprep("clean", photos, "--out", tmp_path / "out", "--workers", "0", "--json", *given)
        counts[value] = json.loads(ended.out)["dropped"].get(reason, 0)
    assert counts["off"] == 0
    assert counts[None] == 1
    assert counts[dropping] > int(flag != "--radius")  # a wider radius asks for more pairs; what pictures do not prove stays


def test_duplicates_can_be_kept(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """`--keep-duplicates` keeps exact and near duplicates and leaves the other rules alone."""
    ended = dataprep("clean", photos, "--out", tmp_path / "out", "--workers", "0", "--keep-duplicates", "--json")
    dropped = json.loads(ended.out)["dropped"]
    assert dropped == dict.fromkeys(sorted(set(NOISE.values()) - {"exact duplicate", "near duplicate"}), 1)


def test_statistics_are_measured_on_request(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """`--statistics` gives mean and std over the kept images as NumPy has them, and prints them; without it there are none."""
    out = tmp_path / "out"
    assert json.loads(dataprep("clean", photos, "--out", out, "--workers", "0", "--json").out)["mean"] is None
    ended = dataprep("clean", photos, "--out", out, "--workers", "0", "--statistics")
    summary, manifest = summary_of(out), Manifest.read(out / "manifest.parquet")
    kept = [decode((photos / uri).read_bytes()).image.reshape(-1, 3) for uri in manifest.kept()["uri"].to_pylist()]
    pixels = np.concatenate(kept) / 255
    assert summary["mean"] == pytest.approx(pixels.mean(axis=0), abs=1e-9)
    assert summary["std"] == pytest.approx(pixels.std(axis=0), abs=1e-9)
    assert manifest.pipeline.fill(manifest.statistics)
    assert " ".join(f"{value:.4f}" for value in summary["mean"]) in " ".join(ended.out.split())


def test_splits_name_the_first_folder(dataprep: Command, tmp_path: Path) -> None:
    """With `--splits` the first folder is the split and the second the label."""
    for name in ("train", "test"):
        write_images(tmp_path / "photos" / name, 4, seed=len(name))
    out = tmp_path / "out"
    assert dataprep("clean", tmp_path / "photos", "--out", out, "--workers", "0", "--splits").code == 0
    manifest = Manifest.read(out / "manifest.parquet")
    assert manifest.classes == ("cat", "dog")
    assert manifest.select("train").table.num_rows == manifest.select("test").table.num_rows == 4


def test_larger_images_are_unreadable(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """`--max-pixels` drops what has more, with the numbers in the detail."""
    out = tmp_path / "out"
    assert dataprep("clean", photos, "--out", out, "--workers", "0", "--max-pixels", 96 * 128 - 1).code == 0
    large = pq.read_table(out / "manifest.parquet", filters=[("uri", "=", "cat/0000.jpg")]).to_pylist()[0]
    assert large["reason"] == "unreadable"
    assert "128×96 is 12,288 pixels, over the limit of 12,287" in large["detail"]


def test_a_pipeline_file_stands_for_the_flags(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """`--pipeline` applies the file's rules and no others, and the manifest holds the pipeline with its ops."""
    pipeline = Pipeline(Require("height", least=50, reason="tiny"), Deduplicate(by=None), Resize((8, 8)), Normalize.imagenet())
    pipeline.write(tmp_path / "pipeline.yaml")
    out = tmp_path / "out"
    ended = dataprep("clean", photos, "--out", out, "--workers", "0", "--pipeline", tmp_path / "pipeline.yaml", "--json")
    assert json.loads(ended.out)["dropped"] == {"tiny": 2, "exact duplicate": 1, "unreadable": 1}
    assert Manifest.read(out / "manifest.parquet").pipeline == pipeline


def test_the_defaults_are_the_standard_rules(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """Without flags the command judges by the standard rules, and protects splits that are called as test sets are."""
    assert dataprep("clean", photos, "--out", tmp_path / "out", "--workers", "0").code == 0
    assert Manifest.read(tmp_path / "out" / "manifest.parquet").pipeline == Pipeline(*standard_rules(protect=PROTECTED))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nstages: [{Dedupicate: {radius: 8}}]", ("stage 1", "'Dedupicate'", "did you mean 'Deduplicate'")),
        ("version: 1\nstages: [Deduplicate, {Require: {column: sharpnes, least: 3}}]", ("stage 2", "'sharpnes'", "'sharpness'")),
        ("version: 1\nstages: [{Require: {column: height, leest: 3}}]", ("stage 1", "'leest'", "did you mean 'least'?")),
        ("version: 1\nstages: [{Resize: {size: 0}}]", ("stage 1", "Resize(size=0)")),
        ("version: 1\nstages: [{Resize: {size: 256}}]", ("Resize", "leaves height or width free")),
        ("version: 1\nstages: [{HorizontalFlip: {p: often}}]", ("stage 1", "HorizontalFlip")),
        ("version: 1\nstages: [{Rotate: {degrees: 5, fill: 0}}]", ("stage 1", "Rotate")),
        ("version: 1\nstages: [{Deduplicate: {radius: near}}]", ("stage 1", "Deduplicate")),
        ("version: 7\nstages: []", ("version 7",)),
        ("stages: {", ("not a YAML file",)),
        ("just words", ("`version: 1` and a list of `stages`",)),
        (None, ("cannot be read", "No such file")),
    ],
)
def test_a_pipeline_file_that_cannot_be_understood(
    dataprep: Command, photos: Path, tmp_path: Path, text: str | None, said: tuple[str, ...]
) -> None:
    """A mistake in a pipeline file ends with code 2 and a sentence that names the file, the place and what was meant."""
    file = tmp_path / "pipeline.yaml"
    if text is not None:
        file.write_text(text)
    dataprep("clean", photos, "--out", tmp_path / "out", "--pipeline", file).assert_refused(2, str(file), *said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "flag",
    [
        *(("--min-side", "10"), ("--min-brightness", "10"), ("--max-brightness", "off"), ("--min-contrast", "1")),
        *(("--min-sharpness", "50"), ("--radius", "8"), ("--keep-duplicates",)),
    ],
)
def test_a_threshold_beside_a_pipeline_file_is_wrong_usage(
    dataprep: Command, photos: Path, tmp_path: Path, flag: tuple[str, ...]
) -> None:
    """A threshold flag that a pipeline file would silence, at its default or not, ends with code 2 and names the flag."""
    file = tmp_path / "pipeline.yaml"
    Pipeline(Deduplicate()).write(file)
    ended = dataprep("clean", photos, "--out", tmp_path / "out", "--pipeline", file, *flag)
    ended.assert_refused(2, f"{flag[0]} and --pipeline exclude each other")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--min-side", "big"), "'big' is neither a number nor 'off' nor 'auto'"),
        (("--min-side", "nan"), "'nan' is neither a number nor 'off' nor 'auto'"),
        (("--min-sharpness", "inf"), "'inf' is neither a number nor 'off' nor 'auto'"),
        (("--radius", "nan"), "'nan' is neither a number nor 'off'"),
        (("--radius", "8.5"), "'8.5' is not a whole number"),
        (("--min-side", "32.5"), "'32.5' is not a whole number"),
        (("--radius", "-1"), "'-1' is below 0; 'off' switches the rule off"),
        (("--max-brightness", "-0.5"), "'-0.5' is below 0"),
        (("--radius", "64"), "Deduplicate(radius=64)"),
        (("--workers", "-1"), "--workers"),
        (("--max-pixels", "0"), "--max-pixels"),
        (("--min-sharpnes", "3"), "--min-sharpness"),
    ],
)
def test_a_flag_that_cannot_be_understood(
    dataprep: Command, photos: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """A flag with a value that makes no sense, or no flag at all, ends with code 2 and names it; nothing is written."""
    dataprep("clean", photos, "--out", tmp_path / "out", *arguments).assert_refused(2, said)
    assert not (tmp_path / "out" / "manifest.parquet").exists()


def test_source_and_out_are_needed(dataprep: Command, photos: Path) -> None:
    """Without a source or without `--out` the command ends with code 2 and says what is missing."""
    dataprep("clean", photos).assert_refused(2, "--out")
    dataprep("clean").assert_refused(2, "SOURCE")


def empty(tmp_path: Path) -> tuple[Path, Path]:
    """A source without any file."""
    (tmp_path / "source").mkdir()
    return tmp_path / "source", tmp_path / "out"


def without_images(tmp_path: Path) -> tuple[Path, Path]:
    """A source with a text file."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "notes.txt").write_text("not an image")
    return tmp_path / "source", tmp_path / "out"


def missing(tmp_path: Path) -> tuple[Path, Path]:
    """A source that is not there."""
    return tmp_path / "source", tmp_path / "out"


def a_file(tmp_path: Path) -> tuple[Path, Path]:
    """A source that is a file of a kind that is not known."""
    return write_images(tmp_path / "source", 1)[0].rename(tmp_path / "source" / "0000.mat"), tmp_path / "out"


def out_is_a_file(tmp_path: Path) -> tuple[Path, Path]:
    """A file where the results should go."""
    write_images(tmp_path / "source", 1)
    (tmp_path / "out").write_text("a file")
    return tmp_path / "source", tmp_path / "out"


def out_below_a_file(tmp_path: Path) -> tuple[Path, Path]:
    """A file above where the results should go."""
    write_images(tmp_path / "source", 1)
    (tmp_path / "file").write_text("a file")
    return tmp_path / "source", tmp_path / "file" / "out"


def out_is_the_source(tmp_path: Path) -> tuple[Path, Path]:
    """The source for the results, in other words."""
    write_images(tmp_path / "source", 1)
    return tmp_path / "source", tmp_path / "source" / "cat" / ".."


def manifest_is_a_folder(tmp_path: Path) -> tuple[Path, Path]:
    """A folder in the manifest's place."""
    write_images(tmp_path / "source", 1)
    (tmp_path / "out" / "manifest.parquet").mkdir(parents=True)
    return tmp_path / "source", tmp_path / "out"


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (empty, ("no images in", "source", "it holds nothing")),
        (without_images, ("no images in", "it holds 1 other file (1 .txt);", ".jpg")),
        (missing, ("no such folder", "source")),
        (a_file, ("0000.mat is a file that is not understood (.mat)", "give a folder")),
        (out_is_a_file, ("out cannot be written",)),
        (out_below_a_file, ("out cannot be written: Not a directory",)),
        (out_is_the_source, ("is the source, which is never changed; choose another folder",)),
        (manifest_is_a_folder, ("manifest.parquet cannot be written",)),
    ],
)
def test_a_source_or_a_folder_for_results_that_cannot_be_used(
    dataprep: Command, tmp_path: Path, places: Callable[[Path], tuple[Path, Path]], said: tuple[str, ...]
) -> None:
    """Where there is nothing to clean or nowhere to write, the command ends with code 1 and one sentence."""
    source, out = places(tmp_path)
    dataprep("clean", source, "--out", out, "--workers", "0").assert_refused(1, *said)
    assert list(tmp_path.rglob(f"{UNFINISHED}*")) == []


def test_one_image_is_enough(dataprep: Command, tmp_path: Path) -> None:
    """A folder of a single image is cleaned like any other."""
    write_images(tmp_path / "photos", 1, labels=())
    ended = dataprep("clean", tmp_path / "photos", "--out", tmp_path / "out", "--workers", "0", "--json")
    assert (ended.code, json.loads(ended.out)["kept"]) == (0, 1)


@pytest.mark.parametrize("flag", ["--statistics", "--json", "--quiet"])
def test_a_folder_where_nothing_is_kept(dataprep: Command, tmp_path: Path, flag: str) -> None:
    """Where every image is dropped, the command writes its results, each image a row with its reason, and ends with code 3."""
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff broken" * number)
    ended = dataprep("clean", tmp_path / "photos", "--out", tmp_path / "out", "--workers", "0", flag)
    assert ended.code == 3
    assert ended.error.splitlines()[-1] == "Failed: no image is kept: all 3 are dropped"
    assert set(reasons_of(tmp_path / "out").values()) == {"unreadable"}
    assert summary_of(tmp_path / "out")["kept"] == 0


@pytest.fixture
def doubtful(tmp_path: Path) -> Path:
    """Twenty photos, seven blurred ones, three pointers of Git LFS, and a label with a copy only."""
    folder = tmp_path / "doubtful"
    paths = write_images(folder, 20)
    for seed in range(7):
        blurred = np.asarray(cv2.GaussianBlur(photo(50 + seed), None, 4), np.uint8)
        (folder / "cat" / f"blurred {seed}.png").write_bytes(encoded(blurred, "PNG"))
        (folder / "cat" / f"pointer {seed % 3}.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    (folder / "eel").mkdir()
    (folder / "eel" / "copy.jpg").write_bytes(paths[0].read_bytes())
    return folder


WARNINGS = (
    "3 files are pointers of Git LFS, not images: run `git lfs pull`",
    '"blurred" drops 7 of 28 images (25 %): if they are good, use --min-sharpness off',
    "1 of 3 labels has no image left: 'eel'",
)


def test_what_looks_wrong_is_said(dataprep: Command, doubtful: Path, tmp_path: Path) -> None:
    """Warnings stand on standard error, in the summary and in the report, the worst first, and code and verdicts stay."""
    out = tmp_path / "out"
    ended = dataprep("clean", doubtful, "--out", out, "--workers", "0")
    assert ended.code == 0
    assert ended.error.split() == f"Look at this before you use the result (3): ! {' ! '.join(WARNINGS)}".split()
    assert [warning["sentence"] for warning in summary_of(out)["warnings"]] == list(WARNINGS)
    page = (out / "report.html").read_text()
    assert all(json.dumps(sentence, ensure_ascii=False) in page for sentence in WARNINGS)
    assert dataprep("clean", doubtful, "--out", out, "--workers", "0", "--quiet") == (0, "", "")


def test_only_the_worst_are_printed(dataprep: Command, doubtful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond some warnings the others are counted, with where to read them."""
    monkeypatch.setattr(output, "WARNINGS", 1)
    error = dataprep("clean", doubtful, "--out", tmp_path / "out", "--workers", "0").error
    assert [line for line in error.splitlines() if line.startswith("!")] == [f"! {WARNINGS[0]}", "! and 2 more, in summary.json"]


def test_every_remedy_mends(dataprep: Command, doubtful: Path, tmp_path: Path) -> None:
    """The flags that warnings name are those of the command, one for each standard rule, and take the warning away."""
    command = clean.make_parser(click.Context(clean))
    for remedy in (*REMEDIES.values(), "--radius 5", "--radius off"):
        command.parse_args(["photos", "--out", "cleaned", *remedy.split()])
    reasons = {rule.reason for rule in standard_rules() if isinstance(rule, Require | AllOf)} | {"exact duplicate"}
    assert set(REMEDIES) == reasons
    ended = dataprep("clean", doubtful, "--out", tmp_path / "out", "--workers", "0", "--min-sharpness", "off")
    assert "blurred" not in ended.out + ended.error


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--fail-on", "suspicious"), "3 warnings"),
        (("--fail-on", "conflicts,suspicious"), "1 conflict; 3 warnings"),
        (("--fail-on", "leaks"), "leaks were not looked for, since no image is protected"),
        (
            ("--fail-on", "conflicts", "--keep-duplicates"),
            "conflicts were not looked for, since there are no labels, or duplicates",
        ),
        (("--fail-on", "leaks", "--against", "test"), "1 leak\n"),
        (("--fail-on", "leaks", "--against", "other"), None),
    ],
)
def test_what_to_fail_on(
    dataprep: Command, doubtful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], said: str | None
) -> None:
    """`--fail-on` ends with code 3 where what it names was found or was not looked for, and with code 0 where there is none."""
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "test", 1, seed=3)
    write_images(tmp_path / "other", 1, seed=300)
    ended = dataprep("clean", doubtful, "--out", "out", "--workers", "0", "--quiet", *flags)
    assert ended.code == (0 if said is None else 3)
    assert ended.error.startswith(f"Failed: {said}" if said else "")
    assert summary_of(tmp_path / "out")["kept"] >= 20


def test_what_cannot_be_failed_on(dataprep: Command, photos: Path, tmp_path: Path) -> None:
    """A fault that `--fail-on` does not know is wrong usage, with those that it knows."""
    ended = dataprep("clean", photos, "--out", tmp_path / "out", "--fail-on", "blurs")
    ended.assert_refused(2, "'blurs' is not one of leaks, conflicts, suspicious")


def test_protected_images(dataprep: Command, tmp_path: Path) -> None:
    """Copies among protected images are kept and counted, and mean and std are of the others, as the terminal says."""
    write_images(tmp_path / "train", 6)
    paths = write_images(tmp_path / "test", 4, seed=20)
    (tmp_path / "test" / "dog" / "copy.jpg").write_bytes(paths[0].read_bytes())
    flags = ("--against", tmp_path / "test", "--out", tmp_path / "out", "--workers", "0", "--statistics")
    ended = dataprep("clean", tmp_path / "train", *flags)
    summary = summary_of(tmp_path / "out")
    assert (summary["kept"], summary["leaks"], summary["protected_copies"], summary["protected_conflicts"]) == (11, 0, 1, 1)
    pixels = np.concatenate([decode(path.read_bytes()).image.reshape(-1, 3) for path in (tmp_path / "train").rglob("*.jpg")])
    assert summary["mean"] == pytest.approx(pixels.mean(axis=0) / 255, abs=1e-9)
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert {
        "leaks, copies of protected images 0",
        "copies among protected images, kept 1",
        "whose labels disagree 1",
        "both of 6 kept images in 'train'",
    } <= set(lines)


def test_names_of_any_kind_are_printed(dataprep: Command, tmp_path: Path) -> None:
    """Brackets, spaces and non-ASCII letters in the path of the results and in a rule's reason appear as they are."""
    write_images(tmp_path / "photos", 1)
    out = tmp_path / "[bold] Ergebnis 1é"
    Pipeline(Require("height", least=1000, reason="[red] trop petité")).write(tmp_path / "pipeline.yaml")
    ended = dataprep("clean", tmp_path / "photos", "--out", out, "--workers", "0", "--pipeline", tmp_path / "pipeline.yaml")
    assert str(out / "manifest.parquet") in ended.out
    assert "[red] trop petité" in ended.out


def test_names_that_are_no_utf8(photos: Path, tmp_path: Path) -> None:
    """Source, label and results may have names that are no UTF-8, and a terminal of any encoding is told of them."""
    folder, out = (Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/source\xff", b"/out\xfe"))
    photos.joinpath("cat").rename(photos / "ch\u00e8vre")
    photos.rename(folder)
    for command in (("clean", folder, "--out", out, "--workers", "0"), ("split", out, "--train", "0.5", "--test", "0.5")):
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        done = subprocess.run([sys.executable, "-m", "dataprep", *command], capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert rb"out\udcfe/manifest.parquet" in done.stdout.replace(b"\n", b"")
    assert Manifest.read(out).kept()["split"].null_count == 0


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("clean", "--help"), ("clean", "-h")])
def test_help_names_the_exit_codes(dataprep: Command, arguments: tuple[str, ...]) -> None:
    """Help ends with code 0 and tells what the exit codes mean."""
    ended = dataprep(*arguments)
    assert ended.code == 0
    assert "130 stopped by Ctrl-C" in " ".join(ended.out.split())


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_has_help(dataprep: Command, name: str) -> None:
    """What the list promises is there."""
    ended = dataprep(name, "--help")
    assert ended.code == 0
    assert f"dataprep {name} [OPTIONS]" in ended.out


def test_a_misspelt_subcommand(dataprep: Command) -> None:
    """A misspelt subcommand is wrong usage, and the error says what was meant."""
    ended = dataprep("claen", "photos")
    assert ended.code == 2
    assert "No such command 'claen': did you mean 'clean'?" in ended.error


def test_the_module_is_the_command(photos: Path, tmp_path: Path) -> None:
    """`python -m dataprep` is the command, and a run by two processes gives the manifest of a run by none."""
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "dataprep",
        "clean",
        str(photos),
        "--out",
        str(out),
        "--workers",
        "2",
        "--json",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["dropped"] == dict.fromkeys(sorted(NOISE.values()), 1)


# The command itself, but that it waits on standard input once some batches are measured and saved, so that a test can stop it
# at a moment that it knows.
PAUSING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a script starts with it ignored
from importlib import import_module
from dataprep.cli import main
from dataprep.cli.progress import Lines
import_module("dataprep.cleaning.clean").PAUSE = 0  # saves each batch, as each second of a long run
advance = Lines.__call__
def advance_and_wait(bar, what, done, total):
    advance(bar, what, done, total)
    if 64 <= done < total:
        print("waiting", flush=True)
        sys.stdin.read()
Lines.__call__ = advance_and_wait
main()
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of ten batches' worth of images."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(320):
        (folder / f"{number:03d}.png").write_bytes(encoded(photo(number, 32, 32), "PNG", compress_level=1))
    return folder


@pytest.fixture
def paused(many: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """The command with two processes over many images, which waits when a part of them is measured."""
    command = [sys.executable, "-c", PAUSING, "clean", str(many), "--out", str(tmp_path / "out"), "--workers", "2"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:
        try:
            assert process.stdout.readline() == "waiting\n"
            yield process
        finally:
            process.kill()


def test_control_c_saves_what_was_measured(
    paused: "subprocess.Popen[str]", dataprep: Command, many: Path, tmp_path: Path
) -> None:
    """Ctrl-C ends with code 130 and says that the same command goes on; that measures only the rest, to the same manifest."""
    os.killpg(paused.pid, signal.SIGINT)  # a terminal sends it to the workers too
    _, error = paused.communicate(timeout=TIMEOUT)
    assert paused.returncode == 130
    assert error.strip() == "Stopped. What was measured is saved; the same command goes on from there."
    assert not (tmp_path / "out" / "manifest.parquet").exists()
    assert_goes_on(dataprep, many, tmp_path)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waiting for processes of others takes Linux's pidfd_open")
def test_a_killed_run_leaves_no_process_and_goes_on(
    paused: "subprocess.Popen[str]", dataprep: Command, many: Path, tmp_path: Path
) -> None:
    """Killed outright, a run takes its workers with it, and the same command goes on to the manifest of an undisturbed run."""
    workers = [os.pidfd_open(pid) for pid in descendants(paused.pid)]
    assert len(workers) >= 2
    paused.kill()
    for worker in workers:
        poll = select.poll()
        poll.register(worker, select.POLLIN)
        assert poll.poll(TIMEOUT * 1000), "a worker outlived the command"
        os.close(worker)
    assert_goes_on(dataprep, many, tmp_path)


def assert_goes_on(dataprep: Command, many: Path, tmp_path: Path) -> None:
    """Checks that the stopped command goes on, and that its manifest is that of an undisturbed run."""
    again = json.loads(dataprep("clean", many, "--out", tmp_path / "out", "--workers", "0", "--json").out)
    assert again["scanned"] == 320
    assert 0 < again["measured"] <= 320 - 64
    undisturbed = json.loads(dataprep("clean", many, "--out", tmp_path / "other", "--workers", "0", "--json").out)
    assert undisturbed["measured"] == 320
    tables: list[pa.Table] = [pq.read_table(tmp_path / name / "manifest.parquet") for name in ("out", "other")]
    assert tables[0].equals(tables[1], check_metadata=True)


def descendants(parent: int) -> list[int]:
    """Returns the processes that a process started, and those that these started."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(int(after_name[1]), []).append(int(folder.name))
    found = children.get(parent, [])
    return found + [pid for child in found for pid in descendants(child)]


def test_crops(dataprep: Command, tmp_path: Path) -> None:
    """A part of another picture stays until it is asked for; then it is dropped, with one cache for both runs."""
    image = photo(0, 300, 400)
    for name, part in {"whole": image, "part": image[60:, :320], "other": photo(1, 300, 400)}.items():
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / f"{name}.png").write_bytes(encoded(np.ascontiguousarray(part), "PNG"))
    for flags, dropped in (((), {}), (("--crops",), {"part.png": "near duplicate"}), (("--crops", "--keep-duplicates"), {})):
        assert dataprep("clean", tmp_path / "photos", "--out", tmp_path / "out", *flags).code == 0
        assert {uri: reason for uri, reason in reasons_of(tmp_path / "out").items() if reason} == dropped


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--materialize", "copy", "--into", "{file}/tree"), "tree cannot be written"),
        (("--materialize", "hardlink", "--into", "/dev/shm/dataprep-tree"), "are on different disks"),
        (("--materialize", "copy", "--into", "{photos}/tree"), "is in the source"),
        (("--quarantine", "{file}/away"), "away cannot be written"),
        (("--export", "csv"), "records.csv is not of dataprep"),
    ],
)
def test_targets_are_tried_first(
    photos: Path, tmp_path: Path, dataprep: Command, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], said: str
) -> None:
    """A place that cannot be written, or holds what others wrote, is refused before an image is read, and nothing is made."""
    if "/dev/shm" in flags[-1] and not (os.path.isdir("/dev/shm") and os.stat("/dev/shm").st_dev != tmp_path.stat().st_dev):
        pytest.skip("/dev/shm is no other disk here")
    (tmp_path / "file").touch()
    if "--export" in flags:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "records.csv").write_text("mine")
    before = stamps(tmp_path)
    monkeypatch.setattr("dataprep.cli.run.clean_into", None)
    flags = tuple(flag.format(file=tmp_path / "file", photos=photos) for flag in flags)
    dataprep("clean", photos, "--out", tmp_path / "out", *flags).assert_refused(1, said)
    assert {name: data for name, (data, _) in stamps(tmp_path).items()} == {name: data for name, (data, _) in before.items()}
    assert not os.path.exists("/dev/shm/dataprep-tree")
