"""OpenCV, which need not be there: what works without it works without it, and what needs it says so before it begins."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import dataprep as dp
from dataprep.opencv import one_thread
from dataprep.protocols import Op
from dataprep.testing import photo, write_images

BLOCKED = 'import sys; sys.modules["cv2"] = None  # so importing it fails, as where it is not installed\n'

JOB = """
import hashlib, sys
from pathlib import Path
import numpy as np
import PIL.Image
import dataprep as dp
from dataprep.cli import main
from dataprep.testing import photo

def picture(seed):
    shapes = PIL.Image.fromarray(photo(seed, 12, 16)).resize((320, 240), PIL.Image.Resampling.BICUBIC)
    return PIL.Image.fromarray((np.asarray(shapes) * 0.7 + photo(seed + 50, 240, 320) * 0.3).astype(np.uint8))

Path("photos").mkdir()
for seed in range(12):
    picture(seed).save(f"photos/{seed}.jpg", quality=90)
picture(0).rotate(3, PIL.Image.Resampling.BICUBIC).save("photos/turned.jpg")
picture(3).rotate(2, PIL.Image.Resampling.BICUBIC).crop((9, 8, 312, 231)).save("photos/turned and cropped.jpg")
picture(5).resize((200, 150)).save("photos/smaller.png")
PIL.Image.fromarray(photo(99, 33, 40)[:28]).save("photos/tiny.png")
rules = (*dp.standard_rules(), dp.Require("noise", most=1000), dp.Require("saturation", least=0))
ops = (dp.Resize(72), dp.CenterCrop(64), dp.HorizontalFlip(), dp.Brightness(0.2), dp.Solarize(), dp.Normalize())
manifest = dp.clean("photos", dp.Pipeline(*rules, *ops), progress=False, engine=dp.Local(0))
loader = dp.Loader(manifest, batch_size=4, backend=dp.Threads(2, output="numpy"))
sys.argv = ["dataprep", "clean", "photos", "--out", "out", "--quiet"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
dp.materialize(manifest, "kept", "copy")
for row in manifest.table.drop_columns(["modified"]).to_pylist():
    print(row)
for batch in loader:
    print(hashlib.sha256(batch.images.tobytes()).hexdigest())
assert not sys.modules.get("cv2"), "what needs no OpenCV does not load it"
"""


def run(code: str, folder: Path) -> list[str]:
    """Runs code in a fresh interpreter, in a new folder, and returns the lines that it prints."""
    environment = {**os.environ, "PYTHONPATH": str(Path(dp.__file__).parents[1])}
    folder.mkdir()
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_nothing_is_decided_by_it(tmp_path: Path) -> None:
    """Without OpenCV, cleaning has the same values and verdicts, a report and a clean copy, and batches are the same."""
    without, with_it = (run(head + JOB, tmp_path / name) for name, head in (("without", BLOCKED), ("with", "")))
    assert without == with_it
    assert sum("near duplicate" in line for line in without) == 3
    for name in ("out/manifest.parquet", "out/report.html", "kept"):
        assert (tmp_path / "without" / name).exists()


OPS = (dp.Affine(10), dp.Rotate(10), dp.RandAugment(), dp.TrivialAugmentWide(), dp.GaussianBlur(1.0))
COLOURS = (dp.ColorJitter(0.2), dp.Contrast(0.2), dp.Saturation(0.2), dp.Hue(0.1), dp.Grayscale())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dp.Manifest:
    """A manifest of four photos."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 4)
    return dp.clean(folder, dp.Pipeline(), engine=dp.Local(0))


@pytest.mark.parametrize("op", [*OPS, *COLOURS], ids=lambda op: type(op).__name__)
def test_an_op_that_needs_it_says_so(op: Op, manifest: dp.Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loader whose ops need OpenCV cannot be made without; the error names the op and the extra."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(dp.PipelineError, match=rf"^`{type(op).__name__}` needs OpenCV: pip install 'dataprep-images\[opencv\]'$"):
        dp.Loader(manifest, dp.Pipeline(op, dp.Resize((64, 64))), batch_size=2, backend=dp.Threads(1, output="numpy"))


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        (dp.DeduplicateCrops(), "DeduplicateCrops"),
        (dp.Deduplicate(views=True), "Deduplicate"),
        (dp.Deduplicate(by=dp.CropResistantHash()), "Deduplicate"),
        (dp.LocalFeatures(), "LocalFeatures"),
        (dp.Variants(views=True), "Variants"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_cleaning_that_needs_it_says_so(stage: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cleaning by a rule or a measure that needs OpenCV ends before anything is read, and names the extra."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        dp.PipelineError, match=rf"^`{name}`(, which measures `.*`,)? needs OpenCV: pip install 'dataprep-images\[opencv\]'$"
    ):
        dp.clean(tmp_path / "nowhere", dp.Pipeline(stage))


def test_its_threads_are_put_back() -> None:
    """Within, OpenCV computes in one thread; afterwards in as many as before, also after an error."""
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        with pytest.raises(KeyError), one_thread():
            assert cv2.getNumThreads() == 1
            raise KeyError
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_a_limit_holds_from_when_it_is_loaded(tmp_path: Path) -> None:
    """What limits its threads does not load OpenCV; it holds as soon as something does."""
    code = """
import sys
from dataprep.opencv import limit_threads, opencv
limit_threads(1)
print("cv2" in sys.modules)
print(opencv().getNumThreads())
"""
    assert run(code, tmp_path / "fresh") == ["False", "1"]


def test_tables_of_values_do_without() -> None:
    """A value is looked up as OpenCV does, also in images that do not lie side by side."""
    from dataprep.backends.cpu.kernels.color import look_up

    table = np.random.default_rng(0).integers(0, 256, 256, np.uint8)
    for image in (photo(0), photo(1)[::2, ::-1], photo(2)[:1]):
        np.testing.assert_array_equal(look_up(image, table), cv2.LUT(np.ascontiguousarray(image), table))
