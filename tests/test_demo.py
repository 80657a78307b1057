"""The demo: the messy folder, its truth, and the score against it."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image
import pyarrow as pa
import pytest

from dataprep.cleaning.clean import clean
from dataprep.demo import File, Score, Truth, make_messy_folder, score
from dataprep.demo import photos as demo_photos
from dataprep.demo.truth import EXPECTED, FAMILY
from dataprep.engines.local import Local
from dataprep.errors import DataprepError
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages.rules.standard import standard_rules

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(find_spec("skimage") is None, reason="scikit-image, whose photographs the demo takes, is not installed"),
]


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """A messy folder and the truth about it."""
    folder = tmp_path_factory.mktemp("demo") / "messy"
    return folder, make_messy_folder(folder)


@pytest.fixture(scope="module")
def measured(messy: tuple[Path, Truth]) -> Score:
    """The score of the real cleaning, by the standard rules."""
    return score(clean(messy[0] / "photos", engine=Local(workers=0)), messy[1])


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the bytes of every file below a folder, by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest_of(truth: Truth, verdict: Callable[[File], tuple[str | None, str | None]]) -> Manifest:
    """Returns a manifest of the truth's files, dropped for the reason and with the uri of the twin that `verdict` gives."""
    ids = {file.uri: row for row, file in enumerate(truth.files)}
    verdicts = [verdict(file) for file in truth.files]
    table = pa.table(
        {
            "id": pa.array(ids.values(), pa.int64()),
            "uri": pa.array(ids, pa.string()),
            "keep": pa.array([reason is None for reason, _ in verdicts]),
            "reason": pa.array([reason for reason, _ in verdicts], pa.string()),
            "detail": pa.array(["because" if reason else None for reason, _ in verdicts], pa.string()),
            "twin": pa.array([None if twin is None else ids[twin] for _, twin in verdicts], pa.int64()),
        }
    )
    return Manifest(table, Pipeline(*standard_rules()), Folder("photos"), (), ())


def right(file: File) -> tuple[str | None, str | None]:
    """The verdict that the truth asks for."""
    return (file.expected[0], file.of if file.kind in FAMILY else None) if file.expected else (None, None)


def small_truth(*kinds: str) -> Truth:
    """Two originals, a.png and b.png, and a file of each kind made of a.png, named by its kind."""
    made = [File(kind, kind, "a.png", EXPECTED[kind]) for kind in kinds]
    return Truth(0, (File("a.png", "original", None, ()), File("b.png", "original", None, ()), *made))


def small_score(kinds: list[str], verdicts: Mapping[str, tuple[str, str | None]]) -> Score:
    """The score of a small truth where the named uris are dropped and all others kept."""
    truth = small_truth(*kinds)
    return score(manifest_of(truth, lambda file: verdicts.get(file.uri, (None, None))), truth)


def test_same_seed_same_bytes(messy: tuple[Path, Truth], tmp_path: Path) -> None:
    """The same seed gives the same folder, byte for byte."""
    make_messy_folder(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(messy[0])


def test_another_seed_another_folder(messy: tuple[Path, Truth], tmp_path: Path) -> None:
    """Another seed plants other damage in the same originals."""
    other = make_messy_folder(tmp_path / "other", seed=1)
    originals = [{file.uri for file in truth.files if file.kind == "original"} for truth in (messy[1], other)]
    assert originals[0] == originals[1]
    assert {file.uri for file in other.files} != {file.uri for file in messy[1].files}


def test_truth_names_every_file(messy: tuple[Path, Truth]) -> None:
    """Every file of the folder is in the truth, once, and every file of the truth is in the folder."""
    folder, truth = messy
    named = [*(file.uri for file in truth.files), *truth.ignored]
    assert sorted(named) == sorted(contents(folder / "photos"))
    assert truth == Truth.read(folder / "truth.json")


def test_truth_is_sound(messy: tuple[Path, Truth]) -> None:
    """Every kind is planted, an original is expected to be kept, and what a file is made of is an original."""
    files = messy[1].files
    originals = {file.uri for file in files if file.kind == "original"}
    assert {file.kind for file in files} == set(EXPECTED)
    assert {file.uri for file in files if not file.expected} == originals
    assert {file.of for file in files} <= {None, *originals}
    assert all(file.of for file in files if file.kind in FAMILY and file.kind != "original")
    assert 100 <= len(files) <= 150


def test_perfect_manifest(messy: tuple[Path, Truth]) -> None:
    """A manifest that tells the truth has recall and precision 1."""
    result = score(manifest_of(messy[1], right), messy[1])
    assert (result.recall, result.precision, result.missed, result.false_drops) == (1.0, 1.0, (), ())


def test_manifest_that_drops_nothing(messy: tuple[Path, Truth]) -> None:
    """A manifest that drops nothing has recall 0, and no false drop."""
    result = score(manifest_of(messy[1], lambda file: (None, None)), messy[1])
    assert (result.recall, result.precision, result.false_drops) == (0.0, 1.0, ())
    assert len(result.missed) == sum(row.planted for row in result.rows)


def test_manifest_that_drops_everything(messy: tuple[Path, Truth]) -> None:
    """A manifest that drops everything has lost every original and found no copy."""
    result = score(manifest_of(messy[1], lambda file: ("unreadable", None)), messy[1])
    assert len(result.false_drops) == sum(file.kind == "original" for file in messy[1].files)
    assert {row.kind for row in result.rows if row.found} == {"truncated", "not an image"}


def test_cleaning_loses_no_photograph(measured: Score) -> None:
    """The standard rules lose no original."""
    assert measured.false_drops == ()
    assert measured.precision == 1.0


def test_cleaning_finds_the_mess(measured: Score) -> None:
    """The standard rules find everything but hard crops, at least 85 % of all that was planted."""
    incomplete = {row.kind for row in measured.rows if row.found < row.planted}
    assert incomplete <= {"cropped 5 %", "cropped 10 %"}
    assert measured.recall >= 0.85


@pytest.mark.parametrize("kind", FAMILY[1:])
def test_variant_may_stand_for_the_original(kind: str) -> None:
    """Where a copy is kept for its family, the original is rightly dropped and the copy found."""
    result = small_score([kind], {"a.png": ("near duplicate", kind)})
    assert (result.recall, result.precision) == (1.0, 1.0)


def test_heir_at_the_end_of_a_chain() -> None:
    """An exact copy whose twin is itself a near duplicate is stood for by the twin's twin."""
    drops = {"a.png": ("exact duplicate", "exact copy"), "exact copy": ("near duplicate", "re-encoded")}
    result = small_score(["exact copy", "re-encoded"], drops)
    assert (result.recall, result.precision) == (1.0, 1.0)


def test_one_image_of_a_family() -> None:
    """A second image that is kept of a family is missed."""
    result = small_score(["resized", "re-encoded"], {"a.png": ("near duplicate", "resized")})
    assert [uri for uri, _ in result.missed] == ["re-encoded"]


@pytest.mark.parametrize(
    "drop",
    [("blurred", None), ("near duplicate", "b.png"), ("near duplicate", "blurred")],
    ids=["for its quality", "for another photograph", "for its own blurred copy"],
)
def test_false_drops(drop: tuple[str, str | None]) -> None:
    """An original that is dropped for anything but an image of its family is a false drop."""
    result = small_score(["blurred"], {"a.png": drop})
    assert [uri for uri, _ in result.false_drops] == ["a.png"]


def test_family_lost() -> None:
    """A family of which nothing is kept is a false drop."""
    result = small_score(["resized"], {"a.png": ("near duplicate", "resized"), "resized": ("blurred", None)})
    assert [uri for uri, _ in result.false_drops] == ["a.png"]
    assert result.recall == result.precision == 0.0


def test_copy_of_another_photograph() -> None:
    """A copy that is dropped for another photograph, or for a wrong reason, is missed."""
    result = small_score(["resized", "brightness"], {"resized": ("near duplicate", "b.png"), "brightness": ("too dark", None)})
    assert [uri for uri, _ in result.missed] == ["resized", "brightness"]
    assert result.false_drops == ()


def test_manifest_of_another_folder(messy: tuple[Path, Truth]) -> None:
    """A manifest of other files is refused, with one of them named."""
    with pytest.raises(DataprepError, match=r"only one of them has 'a\.png'"):
        score(manifest_of(small_truth(), right), Truth(0, small_truth().files[1:]))


def test_missing_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the packages that ship photographs, the error says what to install and writes nothing."""
    monkeypatch.setattr(demo_photos, "find_spec", lambda name: None)
    with pytest.raises(DataprepError, match=r'pip install "dataprep-images\[demo\]"`, or pass `--photos FOLDER'):
        make_messy_folder(tmp_path / "messy")
    assert not (tmp_path / "messy").exists()


def test_folder_in_use(messy: tuple[Path, Truth]) -> None:
    """A folder that holds photos already is left alone."""
    with pytest.raises(DataprepError, match="give a new folder"):
        make_messy_folder(messy[0])


def test_own_photos(messy: tuple[Path, Truth], tmp_path: Path) -> None:
    """Given photographs are labelled by their folder, whatever its name; broken, small and dull ones are left out."""
    (tmp_path / "100 % Föhr").mkdir()
    paths = [tmp_path / "100 % Föhr" / name for name in ("blank.png", "small.png", "broken.jpg", "coffee & cup.png")]
    PIL.Image.fromarray(np.zeros((300, 300), np.uint8)).save(paths[0])
    PIL.Image.fromarray(np.zeros((30, 30), np.uint8)).save(paths[1])
    paths[2].write_bytes(b"broken")
    paths[3].write_bytes((messy[0] / "photos/things/03-coffee.png").read_bytes())
    truth = make_messy_folder(tmp_path / "messy", paths)
    assert {file.uri for file in truth.files if file.kind == "original"} >= {"100-Föhr/00-coffee-cup.png"}
    assert clean(tmp_path / "messy/photos", engine=Local(workers=0)).classes == ("100-Föhr",)
    with pytest.raises(DataprepError, match="none of the 3 files"):
        make_messy_folder(tmp_path / "other", paths[:3])
    with pytest.raises(DataprepError, match="cannot be read"):
        make_messy_folder(tmp_path / "other", [tmp_path / "absent.jpg"])


def test_truth_of_another_version(tmp_path: Path) -> None:
    """A truth of another version is refused."""
    (tmp_path / "truth.json").write_text('{"version": 2}')
    with pytest.raises(DataprepError, match="of version 2, not 1"):
        Truth.read(tmp_path / "truth.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "seed": 0, "files": [{}], "ignored": []}'])
def test_file_that_is_no_truth(tmp_path: Path, text: str) -> None:
    """A file that holds no truth is refused by its name."""
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(DataprepError, match=r"truth.json holds no truth"):
        Truth.read(tmp_path / "truth.json")


def test_truth_without_a_file(tmp_path: Path) -> None:
    """What cannot be read or written is one sentence that says where and why."""
    with pytest.raises(DataprepError, match=r"truth.json cannot be read: No such file"):
        Truth.read(tmp_path / "truth.json")
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataprepError, match=r"photos cannot be written: Not a directory"):
            make_messy_folder(folder)


def test_the_command_says_each_thing_once(tmp_path: Path) -> None:
    """What looks wrong in the demo is printed once; a new folder is made and kept, and the report's address is last."""
    command = [sys.executable, "-m", "dataprep", "demo"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    warnings = [line.removeprefix("! ") for line in ended.stderr.splitlines() if line.startswith("! ")]
    assert warnings
    assert all((ended.stdout + ended.stderr).count(warning) == 1 for warning in warnings)
    (report,) = tmp_path.glob("dataprep-demo-*/cleaned/report.html")
    assert ended.stdout.splitlines()[-1] == f"report: {report.as_uri()}"
