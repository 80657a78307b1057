"""`dataprep bench`: what it measures, prints and advises, and how it refuses."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.cli import cli
from dataprep.cli.rates import FOR_STORES, LONG, Rates, Run
from dataprep.errors import LoaderError
from dataprep.pipeline import Pipeline
from dataprep.stages import CenterCrop, Require, Resize
from dataprep.testing import FakeEngine

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def bench(manifest: Path, *flags: str) -> Result:
    """Runs the command in this process, on two workers at most."""
    return CliRunner().invoke(cli, ["bench", str(manifest), "--workers", "2", "--batch-size", "4", *flags])


def has_gpu() -> bool:
    """Whether torch is installed and has a GPU."""
    return bool(find_spec("torch")) and bool(import_module("torch").cuda.is_available())


def written(folder: Path, *stages: object) -> Path:
    """The folder of a manifest with some stages."""
    out = folder.parent / "out"
    out.mkdir()
    clean(folder, Pipeline(*stages), engine=FakeEngine()).write(out / "manifest.parquet")
    return out


def test_every_step_and_backend_is_measured(folder: Path) -> None:
    """The figures name reading, decoding, each op of the manifest, collating, and every backend with every number of workers."""
    done = bench(written(folder, Resize(40), CenterCrop(32)), "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.output)
    assert list(data["steps"]) == ["read", "decode", "Resize", "CenterCrop", "collate", *(["transfer"] if has_gpu() else [])]
    assert {"this process alone", "Threads(workers=1)", "Threads(workers=2)"} <= data["ends"].keys()
    assert data["images"] == 12
    assert all(rate > 0 for rate in (*data["steps"].values(), *data["ends"].values(), data["floor"]))
    assert data["bottleneck"] and data["advice"]


def test_without_ops_the_usual_training_is_measured(folder: Path) -> None:
    """A manifest without ops is measured with a random crop, a flip and normalising; words say what holds it up."""
    done = bench(written(folder), "--images", "8")
    assert done.exit_code == 0, done.output
    for part in ("RandomResizedCrop", "HorizontalFlip", "Normalize", "from end to end", "8 images", "bottleneck: ", "images/s"):
        assert part in done.output


def test_nothing_kept_is_refused(folder: Path) -> None:
    """A manifest that keeps no image is one sentence."""
    done = bench(written(folder, Require("height", least=1000)))
    assert isinstance(done.exception, LoaderError)
    assert "keeps no image" in str(done.exception)


def test_the_advice_is_the_fewest_workers_that_are_as_fast() -> None:
    """Of backends within a tenth of the fastest the first is advised, and the slowest step is named with its share."""
    ends = {"this process alone": 100.0, "Threads(workers=2)": 195.0, "Threads(workers=4)": 200.0}
    rates = Rates(10, 4, {"read": 1000.0, "decode": 125.0, "Resize": 1000.0}, ends, 400.0)
    assert rates.bottleneck.startswith("decode takes 80%")
    assert rates.advice[0] == "use Threads(workers=2): 195 images/s, nearly as many as Threads(workers=4) with 200"
    assert "store the images nearer to the size" in rates.advice[-1]


@given(st.lists(st.floats(1, 1000), min_size=2, max_size=6), st.sampled_from(["read", "decode", "Resize"]))
def test_the_advice_is_a_row_of_the_table(numbers: list[float], slowest: str) -> None:
    """What is advised can be made, has the rate that the table gives it, and no row of a backend is a ninth faster."""
    one, *others = numbers
    ends = {f"Threads(workers={count})": rate for count, rate in enumerate(others, 1)}
    steps = {"read": 500.0, "decode": 500.0, "Resize": 500.0} | {slowest: 50.0}
    first, *more = Rates(10, 4, steps, {"this process alone": one, **ends}, 400.0).advice
    name = first.partition("use ")[2].partition(":")[0]
    assert f"{ends[name]:,.0f} images/s" in first
    assert all(ends[name] >= 0.9 * rate for rate in ends.values())
    assert any("gain nothing" in line and f"{one:,.0f} images/s" in line for line in more) == (one >= max(others))
    assert any("takes most of the time" in line for line in more) == (slowest != "Resize")


@given(st.floats(0, 1), st.floats(0.1, 100))
def test_what_helps_against_waiting_for_a_store_is_said_where_it_is_long(share: float, seconds: float) -> None:
    """How long the loop waited is said in seconds and as a share, and remedies are advised where that is a large part."""
    ends = {"this process alone": 10.0, "Threads(workers=2)": 195.0}
    runs = {name: Run(rate, share * seconds, seconds) for name, rate in ends.items()}
    rates = Rates(10, 4, {"read": 30.0, "decode": 125.0}, ends, 400.0, runs, tuple(FOR_STORES.values()))
    part = f"{rates.share(rates.best):.0%}"
    assert rates.waiting == f"Threads(workers=2) waited {share * seconds:.2f} of {seconds:.2f} seconds for bytes ({part})"
    assert (list(FOR_STORES.values()) == rates.advice[-len(FOR_STORES) :]) == (rates.share(rates.best) > LONG)
    assert not any("faster disk" in line for line in rates.advice)
