"""Slips: what is easily given in place of something else is refused at the door, in words that say what to give."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dataprep as dp
from dataprep.testing import FakeEngine, write_images

RULES = dp.standard_rules()
SHARES = {"train": 0.5, "val": 0.5}

PIPELINES = [
    (RULES, "give `Pipeline(*stages)`"),
    (list(RULES), "give `Pipeline(*stages)`"),
    (dp.Readable(), "give `Pipeline(stage, ...)`"),
    (dp.Pipeline, "give `Pipeline(stage, ...)`"),
    ("rules.yaml", "read it first: `Pipeline.read('rules.yaml')`"),
    (Path("rules.yaml"), "read it first: `Pipeline.read('rules.yaml')`"),
]
"""What is given in place of a pipeline, and what is said."""

MANIFESTS = [
    ("cleaned", "read it first: `Manifest.read('cleaned')`"),
    (Path("cleaned"), "read it first: `Manifest.read('cleaned')`"),
    (dp.Manifest, "`dp.clean(...)` makes one"),
    (None, "`dp.clean(...)` makes one"),
]
"""What is given in place of a manifest, and what is said."""

TAKE_MANIFESTS: dict[str, Callable[[Any], object]] = {
    "split": lambda given: dp.split(given, SHARES),
    "concatenate": lambda given: dp.concatenate({"a": given}),
    "materialize": lambda given: dp.materialize(given, "tree", "copy"),
    "export": lambda given: dp.export(given, "records.csv", "csv"),
    "quarantine": lambda given: dp.quarantine(given, "rejects"),
    "summarize": dp.summarize,
    "write_report": lambda given: dp.write_report(given, dp.summarize(given), "report.html"),
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dp.Manifest:
    """A manifest of four photos."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 4)
    return dp.clean(folder, dp.Pipeline(dp.ChannelSums()), engine=FakeEngine())


@pytest.mark.parametrize(("given", "said"), PIPELINES, ids=repr)
def test_pipelines(manifest: dp.Manifest, given: Any, said: str) -> None:
    """Stages, one stage, a class and a file are no pipeline, and nothing is scanned first."""
    with pytest.raises(dp.PipelineError, match=rf"^clean takes a pipeline, got .*{re.escape(said)}$"):
        dp.clean("/nowhere", given)
    with pytest.raises(dp.PipelineError, match=rf"^judge takes a pipeline, got .*{re.escape(said)}$"):
        manifest.judge(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (RULES, "give its stages one by one, as in `Pipeline(*stages)`"),
        ([dp.HorizontalFlip()], "give its stages one by one, as in `Pipeline(*stages)`"),
        (dp.Pipeline(*RULES), "give its stages, as in `Pipeline(*pipeline.stages, ...)`"),
        ("rules.yaml", "`Pipeline.read('rules.yaml')` reads a file"),
        (None, "it is neither a measure, a rule, an op nor a mix"),
        (dp.Resize, "make one, such as `Resize(...)`"),
        (dp.Readable, "make one, such as `Readable(...)`"),
        (dp.MixUp, "make one, such as `MixUp(...)`"),
        (dp.ChannelSums, "make one, such as `ChannelSums(...)`"),
    ],
    ids=repr,
)
def test_stages(given: Any, said: str) -> None:
    """A list of stages, a pipeline, a file and a class are no stage, wherever they stand."""
    for stages in ((given,), (dp.Readable(), given), (given, dp.CenterCrop(8))):
        with pytest.raises(dp.PipelineError, match=re.escape(said)):
            dp.Pipeline(*stages)


@pytest.mark.parametrize("function", TAKE_MANIFESTS)
@pytest.mark.parametrize(("given", "said"), MANIFESTS, ids=repr)
def test_manifests(function: str, given: Any, said: str) -> None:
    """A path, a class and nothing are no manifest."""
    with pytest.raises(dp.ManifestError, match=rf"takes a manifest, got .*{re.escape(said)}$"):
        TAKE_MANIFESTS[function](given)


@pytest.mark.parametrize("given", ["overrides.json", Path("overrides.json"), None, {"version": 1}, dp.Overrides], ids=repr)
def test_overrides(manifest: dp.Manifest, given: Any) -> None:
    """A file of overrides is read first."""
    for call in (lambda: dp.clean("/nowhere", overrides=given), lambda: manifest.judge(manifest.pipeline, given)):
        with pytest.raises(
            dp.ManifestError, match=r"takes overrides, got .*; read them first: `Overrides\.read\('overrides\.json'\)`$"
        ):
            call()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda manifest: dp.split(manifest, [0.8, 0.2]), r"the shares are \[0\.8, 0\.2\]; give each split its share, such as"),
        (lambda manifest: dp.split(manifest, 0.8), r"the shares are 0\.8; give each split its share"),
        (dp.split, r"there are no shares to split by"),
        (lambda manifest: dp.split(manifest, SHARES, "7"), r"split\(seed='7'\): give a whole number"),
        (lambda manifest: dp.split(manifest, SHARES, 0.5), r"split\(seed=0\.5\): give a whole number"),
        (lambda manifest: dp.concatenate([manifest, manifest]), r"concatenate takes manifests by name, such as"),
        (lambda manifest: manifest.kept("lable"), r"kept: no column 'lable'; did you mean 'label'\?"),
        (lambda manifest: manifest.kept(["uri"]), r"kept: no column \['uri'\]; "),
        (
            lambda manifest: manifest.select("train"),
            r"no split 'train'; it has none: `dp\.split` or `dataprep split` makes some",
        ),
        (lambda manifest: dp.split(manifest, SHARES).select(["train"]), r"no split \['train'\]; "),
        (dp.Manifest.read, r"read and written by its path, got Manifest\(.*; it is read already"),
        (lambda manifest: dp.Manifest.read(7), r"read and written by its path, got 7; such as"),
        (lambda manifest: dp.write_report(manifest, None, "report.html"), r"takes a summary, got None; `summarize\(manifest\)`"),
        (
            lambda manifest: dp.Pipeline().fill((0.5, 0.5)),
            r"fill\(\(0\.5, 0\.5\)\): give `manifest\.statistics`; numbers",
        ),
    ],
)
def test_other_slips(manifest: dp.Manifest, call: Callable[[Any], object], said: str) -> None:
    """What else is given in a hurry is refused with what it takes."""
    with pytest.raises(dp.DataprepError, match=said):
        call(manifest)
