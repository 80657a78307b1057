"""Cleaning: the same manifest from any engine, after any interruption, whatever the files are."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import SourceError
from dataprep.images.decode import decode
from dataprep.manifest import Manifest, Run
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure
from dataprep.search import hamming
from dataprep.sources import Folder
from dataprep.stages import ChannelSums, Deduplicate, DHash, LaplacianVariance, Luminance, PHash, Require
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, encoded, photo, write_images
from dataprep.types import Image

PIPELINE = Pipeline(ChannelSums(), *standard_rules())


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of 40 photos of which some are copies, near copies, flat, broken, or no images."""
    folder = tmp_path / "many"
    paths = write_images(folder, 40, seed=100)
    for place in range(0, 12, 2):
        paths[place].write_bytes(paths[place + 20].read_bytes())
        paths[place + 1].write_bytes(encoded(photo(100 + place + 21), quality=30 + place))
    paths[12].write_bytes(b"")
    paths[13].write_bytes(paths[13].read_bytes()[:300])
    paths[14].write_bytes(encoded(np.full((50, 50, 3), 99, np.uint8)))
    paths[15].write_bytes(b"<html>404</html>")
    return folder


def test_any_engine(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest does not depend on the number of workers, the size of batches or the order in which results come."""
    expected = clean(many, PIPELINE, engine=FakeEngine())
    assert expected.reasons() == {"exact duplicate": 6, "near duplicate": 6, "unreadable": 3, "nearly uniform": 1}
    for workers in (0, 1, 2):
        assert clean(many, PIPELINE, engine=Local(workers)).table.equals(expected.table)
    for shuffle in range(5):
        size = 1 + 3 * shuffle
        monkeypatch.setattr(sys.modules["dataprep.cleaning.clean"], "BATCH", (size, size))
        monkeypatch.setattr(sys.modules["dataprep.cleaning.clean"], "LEAN", (size, size))
        assert clean(many, PIPELINE, engine=FakeEngine(shuffle)).table.equals(expected.table)


def test_order_of_names(many: Path, tmp_path: Path) -> None:
    """Which contents are kept does not depend on the names of the files, and so not on their order."""
    expected = clean(many, PIPELINE, engine=FakeEngine())
    other = tmp_path / "other"
    other.mkdir()
    for place, path in enumerate(np.random.default_rng(0).permutation(sorted(many.rglob("*.jpg")))):
        (other / f"{place:03d}.jpg").write_bytes(path.read_bytes())
    again = clean(other, PIPELINE, engine=FakeEngine())
    assert sorted(again.kept()["digest"].to_pylist()) == sorted(expected.kept()["digest"].to_pylist())
    assert again.statistics == expected.statistics


def test_clean_set(many: Path, tmp_path: Path) -> None:
    """Cleaning a clean set drops nothing."""
    manifest = clean(many, PIPELINE, engine=FakeEngine())
    for uri in manifest.kept()["uri"].to_pylist():
        (tmp_path / "kept" / uri).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "kept" / uri).write_bytes((many / uri).read_bytes())
    again = clean(tmp_path / "kept", PIPELINE, engine=FakeEngine())
    assert again.table["keep"].to_pylist() == [True] * manifest.kept().num_rows
    assert again.statistics == manifest.statistics


def test_real_photos(real_photos: list[Path]) -> None:
    """The standard rules keep ordinary photos: at least 97 of 100."""
    manifest = clean(real_photos[0].parent, engine=Local(2))
    assert manifest.kept().num_rows >= 0.97 * len(manifest)


def test_source_is_never_changed(many: Path, tmp_path: Path) -> None:
    """Cleaning changes no file: neither content, nor time, nor name."""

    def state() -> dict[str, tuple[int, bytes]]:
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in many.rglob("*") if path.is_file()}

    before = state()
    clean(many, PIPELINE, engine=FakeEngine(), cache=tmp_path / "cache").write(tmp_path / "manifest.parquet")
    assert state() == before


MEASURES: tuple[Measure, ...] = (
    PHash(),
    PHash(256),
    DHash(),
    Luminance(),
    LaplacianVariance(),
    ChannelSums(),
    Luminance(side=48),
)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@given(
    st.lists(st.sampled_from(MEASURES), unique=True).filter(lambda chosen: not {Luminance(), Luminance(side=48)} <= set(chosen))
)
@settings(max_examples=25)
def test_measures_do_not_meddle(format: str, chosen: list[Measure]) -> None:
    """What a measure finds does not depend on what else is measured, so neither on what a cache knows already."""
    with tempfile.TemporaryDirectory() as root:
        Path(root, "a.jpg").write_bytes(encoded(photo(7, 300, 420), format))
        together = clean(root, Pipeline(*chosen), engine=FakeEngine()).table
        for measure in chosen:
            alone = clean(root, Pipeline(measure), engine=FakeEngine()).table
            for field in measure.fields:
                assert together[field.name].equals(alone[field.name])


def test_facts(many: Path) -> None:
    """The facts of a row are those of the file: its digest, its format, and the upright size of the whole image."""
    for row in clean(many, PIPELINE, engine=FakeEngine()).kept().to_pylist():
        data = (many / row["uri"]).read_bytes()
        found = decode(data)
        facts = (found.format, found.height, found.width)
        assert (row["format"], row["height"], row["width"]) == facts == ("JPEG", *found.image.shape[:2])
        assert row["bytes"] == len(data)
        assert row["digest"] == sha256(data).digest()


@pytest.mark.parametrize("how", ["unlink", "directory", "empty", "forbidden"])
def test_files_that_change_meanwhile(many: Path, how: str) -> None:
    """A file that vanishes or changes between the scan and its turn ends as a row, and harms no other."""
    expected = clean(many, Pipeline(), engine=FakeEngine())
    victims = ["cat/0020.jpg", "dog/0031.jpg"]

    def change(batch: pa.RecordBatch) -> None:
        for uri in set(victims) & set(batch["uri"].to_pylist()):
            (many / uri).unlink()
            if how == "directory":
                (many / uri).mkdir()
            elif how == "empty":
                (many / uri).touch()
            elif how == "forbidden":
                (many / uri).symlink_to(many / uri)  # cannot be opened, not even by root

    manifest = clean(many, Pipeline(), engine=FakeEngine(before=change))
    rows = {row["uri"]: row for row in manifest.table.to_pylist()}
    for uri in victims:
        assert rows[uri]["reason"] == "unreadable"
        assert rows[uri]["error"]
    for row in expected.table.to_pylist():
        assert row["uri"] in victims or rows[row["uri"]] == row


def test_rows_that_the_scan_could_not_look_at(folder: Path) -> None:
    """A broken link or a pipe is a row like any other broken image, and is never measured."""
    (folder / "cat" / "broken.jpg").symlink_to("nowhere")
    os.mkfifo(folder / "cat" / "pipe.jpg")
    engine = FakeEngine()
    manifest = clean(folder, engine=engine)
    assert manifest.reasons() == {"unreadable": 2}
    assert len(engine.uris) == len(set(engine.uris)) == 12


def test_nothing_is_left(tmp_path: Path) -> None:
    """A folder without a single good image ends as a manifest that keeps nothing."""
    for place in range(3):
        (tmp_path / f"{place}.jpg").write_bytes(b"no image")
    manifest = clean(tmp_path, PIPELINE, engine=FakeEngine())
    assert manifest.reasons() == {"unreadable": 3}
    assert manifest.kept().num_rows == 0
    manifest.write(tmp_path / "manifest.parquet")
    assert Manifest.read(tmp_path / "manifest.parquet").table.equals(manifest.table)


@pytest.mark.slow
def test_hostile_files(hostile_files: list[Path], tmp_path: Path) -> None:
    """Every file of a malformed corpus, called .jpg, ends as a row with a reason or with finite values, and costs no other."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for place, path in enumerate(hostile_files):
        (folder / f"{place:05d}.jpg").write_bytes(path.read_bytes())
    manifest = clean(folder, PIPELINE, engine=Local(2))
    assert len(manifest) == len(hostile_files)
    broken = manifest.table["error"].is_valid().to_numpy()
    assert manifest.reasons()["unreadable"] == broken.sum() > 0
    assert not manifest.table["keep"].to_numpy()[broken].any()
    whole = manifest.table.filter(~broken)
    for name in ("digest", "format", "height", "width", "phash64", "sharpness", "brightness", "contrast", "channel_sums"):
        assert whole[name].null_count == 0
    assert np.isfinite(whole["sharpness"].to_numpy()).all()


def test_max_pixels(folder: Path) -> None:
    """An image above `max_pixels` is dropped as unreadable, with its size as detail."""
    (folder / "cat" / "large.png").write_bytes(encoded(photo(60, 200, 300), "PNG"))
    manifest = clean(folder, engine=FakeEngine(), max_pixels=200 * 300 - 1)
    (row,) = [row for row in manifest.table.to_pylist() if not row["keep"]]
    assert (row["uri"], row["reason"]) == ("cat/large.png", "unreadable")
    assert row["detail"].startswith("300×200 is 60,000 pixels, over the limit of 59,999; give --max-pixels a larger one")
    assert clean(folder, engine=FakeEngine(), max_pixels=200 * 300).reasons() == {}


@pytest.mark.parametrize("workers", [0, 2])
def test_progress(many: Path, tmp_path: Path, workers: int) -> None:
    """Progress rises to the number of images, and starts where the cache left off."""
    calls: list[tuple[int, int]] = []

    def count(what: str, done: int, total: int) -> None:
        assert what == "measuring"
        calls.append((done, total))

    clean(many, engine=Local(workers), cache=tmp_path / "cache", progress=count)
    done = [call[0] for call in calls]
    assert done == sorted(set(done)) and (done[0], done[-1]) == (0, 40)
    assert {call[1] for call in calls} == {40}
    write_images(many, 2, seed=500, labels=("new",))
    calls.clear()
    clean(many, engine=Local(workers), cache=tmp_path / "cache", progress=count)
    assert calls == [(40, 42), (42, 42)]
    calls.clear()
    (many / "new" / "nowhere.jpg").symlink_to(tmp_path / "nowhere")
    clean(many, engine=Local(workers), cache=tmp_path / "cache", progress=count)
    assert calls == [(43, 43)]  # what could not even be looked at has nothing left to be measured


def test_run(many: Path, tmp_path: Path) -> None:
    """A manifest says how many images were read to make it and how many were known; what could not be looked at was not known."""
    runs: list[Run | None] = []
    for step in (
        lambda: None,
        lambda: None,
        lambda: write_images(many, 2, seed=500, labels=("new",)),
        lambda: (many / "nowhere.jpg").symlink_to("no"),
    ):
        step()
        manifest = clean(many, engine=FakeEngine(), cache=tmp_path / "cache")
        runs.append(manifest.run)
    assert [(run.measured, run.known) for run in runs if run] == [(40, 0), (0, 40), (2, 40), (1, 42)]
    assert all(run.seconds > 0 for run in runs if run)
    assert manifest.judge(Pipeline()).run == manifest.run == runs[-1]
    manifest.write(tmp_path / "manifest.parquet")
    assert Manifest.read(tmp_path / "manifest.parquet").run is None


@dataclass(frozen=True)
class Deadly:
    """A measure that kills its process at images of a certain height, as a decoder with a bug does."""

    height: int
    side: ClassVar[None] = None
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = (pa.field("alive", pa.bool_()),)

    def measure(self, image: Image) -> Mapping[str, object]:
        if len(image) == self.height:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"alive": True}


@pytest.mark.slow
def test_decoder_that_crashes(folder: Path, tmp_path: Path) -> None:
    """An image that kills the process that decodes it is dropped by name, every other one is measured, and it is tried again."""
    (folder / "cat" / "bad.jpg").write_bytes(encoded(photo(60, 77, 90)))
    for _ in range(2):
        manifest = clean(folder, Pipeline(Deadly(77)), engine=Local(2), cache=tmp_path / "cache")
        (row,) = manifest.table.filter(manifest.table["error"].is_valid()).to_pylist()
        assert (row["uri"], row["reason"]) == ("cat/bad.jpg", "unreadable")
        assert "died" in row["detail"]
        assert manifest.kept()["alive"].to_pylist() == [True] * 12


RUN = """
import sys
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.pipeline import Pipeline
from dataprep.stages import ChannelSums
from dataprep.stages.rules.standard import standard_rules

cleaning = sys.modules["dataprep.cleaning.clean"]
cleaning.BATCH, cleaning.LEAN, cleaning.SAVED = (2, 2), (2, 2), 2
folder, out, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])

def tell(what, done, total):
    print(done, flush=True)
    sys.stdin.readline()

pipeline = Pipeline(ChannelSums(), *standard_rules())
clean(folder, pipeline, engine=Local(workers), cache=out + "/cache", progress=tell).write(out + "/manifest.parquet")
"""


def run_until(folder: Path, out: Path, workers: int, last: int) -> list[int]:
    """Cleans in a process that waits after each step, kills it when `last` images are done, and returns what it said."""
    command = [sys.executable, "-c", RUN, str(folder), str(out), str(workers)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said: list[int] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for line in process.stdout:
            said.append(int(line))
            if said[-1] >= last:
                process.kill()
                break
            process.stdin.write("\n")
    return said


@pytest.mark.parametrize(("workers", "stops"), [(0, (0, 2, 16, 30)), (2, (10, 24))])
def test_killed(many: Path, tmp_path: Path, workers: int, stops: tuple[int, ...]) -> None:
    """A run that is killed again and again loses nothing it had done, and ends with the manifest of an undisturbed run."""
    out = tmp_path / "out"
    out.mkdir()
    known = 0
    for stop in stops:
        said = run_until(many, out, workers, stop)
        assert said[0] == known
        known = said[-1]
        assert not (out / "manifest.parquet").exists()
    said = run_until(many, out, workers, 10**9)
    assert (said[0], said[-1]) == (known, 40)
    assert Manifest.read(out / "manifest.parquet").table.equals(clean(many, PIPELINE, engine=FakeEngine()).table)
    assert sorted(path.name for path in out.iterdir()) == ["cache", "manifest.parquet"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SourceError])
def test_stopped(many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    """What was measured before Ctrl-C or an error is saved, however little it is."""
    monkeypatch.setattr(sys.modules["dataprep.cleaning.clean"], "LEAN", (4, 4))
    monkeypatch.setattr(sys.modules["dataprep.cleaning.clean"], "BATCH", (4, 4))

    def stop_after_three(batch: pa.RecordBatch) -> None:
        if len(stopped.uris) > 12:
            raise error

    stopped, rest = FakeEngine(before=stop_after_three), FakeEngine()
    with pytest.raises(error):
        clean(many, PIPELINE, engine=stopped, cache=tmp_path / "cache")
    clean(many, PIPELINE, engine=rest, cache=tmp_path / "cache")
    assert len(rest.uris) == 40 - 12


def test_defaults(many: Path) -> None:
    """Without a pipeline the standard rules judge; a path stands for its folder."""
    engine = FakeEngine()
    manifest = clean(str(many), engine=engine)
    assert manifest.pipeline == Pipeline(*standard_rules())
    assert manifest.source == Folder(str(many))
    assert manifest.table.equals(clean(Folder(str(many)), Pipeline(*standard_rules()), engine=engine).table)


def test_kept_are_pairwise_different(many: Path) -> None:
    """Kept images are beyond the radius of each other, and each near duplicate is within the radius of its twin."""
    manifest = clean(many, Pipeline(Deduplicate(radius=10)), engine=FakeEngine())
    codes = {row["id"]: np.frombuffer(row["phash64"] or b"", np.uint8)[None] for row in manifest.table.to_pylist()}
    kept = manifest.kept()["id"].to_pylist()
    assert min(hamming(codes[a], codes[b])[0] for a in kept for b in kept if a < b) > 10
    for row in manifest.table.filter(manifest.table["twin"].is_valid()).to_pylist():
        assert row["twin"] in kept
        assert hamming(codes[row["id"]], codes[row["twin"]])[0] <= 10


def test_no_images(tmp_path: Path) -> None:
    """Where there is nothing to clean, the error says what is there instead."""
    (tmp_path / "a.txt").touch()
    with pytest.raises(SourceError, match="no images"):
        clean(tmp_path)


def test_rule_on_a_measure_of_ones_own(folder: Path) -> None:
    """A rule brings its own measure along, and judges what it finds."""
    manifest = clean(folder, Pipeline(Require("sharpness", least=1e9, measure=LaplacianVariance(side=64))), engine=FakeEngine())
    assert manifest.reasons() == {"sharpness out of range": 12}
    assert manifest.measures == (LaplacianVariance(side=64),)
