"""The bar: in a terminal and below a cell of a notebook by default, nothing where nobody looks or where it is not wanted."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dataprep as dp
from dataprep.progress import STEP, Bar, as_found, scanning, watched
from dataprep.testing import write_images

CLEAN = "import dataprep as dp; dp.clean({folder!r}, dp.Pipeline(dp.PHash()), engine=dp.Local(0){more})"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images."""
    made = tmp_path_factory.mktemp("photos")
    write_images(made, 40, height=16, width=16)
    return made


def in_terminal(code: str) -> str:
    """Returns what a program prints whose standard error is a terminal."""
    watcher, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(dp.__file__).parents[1]), "TERM": "xterm", "COLUMNS": "100"}
    running = subprocess.Popen([sys.executable, "-c", code], stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    said = b""
    while True:
        try:
            said += os.read(watcher, 65536)
        except OSError:  # the other end was closed
            break
    os.close(watcher)
    assert running.wait(60) == 0, said
    return said.decode()


@pytest.mark.parametrize(("more", "shows"), [("", True), (", progress=False", False), (", progress=None", False)])
def test_in_a_terminal(folder: Path, more: str, shows: bool) -> None:
    """In a terminal `clean` shows how many images are done, and leaves nothing behind; `progress=False` shows nothing."""
    said = in_terminal(CLEAN.format(folder=str(folder), more=more))
    assert ("40/40" in said and "measuring" in said) == shows
    assert (said == "") != shows
    assert not shows or said.rstrip().endswith("\x1b[2K")  # the line is wiped


def test_silent_where_nobody_looks(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where standard error is no terminal, nothing is printed, and rich is not even imported."""
    code = (
        CLEAN.format(folder=str(folder), more="") + "; import sys; assert not {'rich.progress', 'IPython'} & sys.modules.keys()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(dp.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
    assert capfd.readouterr() == ("", "")


def test_in_a_notebook(folder: Path) -> None:
    """A cell shows one bar that is drawn anew in its place and empty at the end, without a warning."""
    pytest.importorskip("ipykernel")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    watching = "from dataprep import progress; progress.PAUSE = 0\n"
    source = watching + CLEAN.format(folder=str(folder), more="").replace("; dp.clean", "\nmanifest = dp.clean")
    book: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    drawn: list[str] = []
    client = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(Path(dp.__file__).parents[1])}})
    client.on_output = drawn.append
    handle = client.process_message

    def process(message: Any, *arguments: Any) -> Any:
        if message["msg_type"] in ("display_data", "update_display_data"):
            drawn.append(message["content"]["data"]["text/html"])
        return handle(message, *arguments)

    client.process_message = process
    client.execute()
    assert any("measuring" in one and "40/40" in one for one in drawn)
    (output,) = book.cells[0].outputs
    assert output.output_type == "display_data"
    assert "measuring" not in output.data["text/html"]


def test_a_function_is_called_in_its_place(folder: Path) -> None:
    """What is done is told to a function, as it is, to the end."""
    told: list[tuple[str, int, int]] = []
    dp.clean(folder, dp.Pipeline(dp.PHash()), engine=dp.Local(0), progress=lambda *what: told.append(what))
    assert told[0] == ("measuring", 0, 40)
    assert told[-1] == ("measuring", 40, 40)
    with watched(told.append) as advance:  # type: ignore[arg-type]
        assert advance == told.append


@pytest.mark.parametrize("wrong", ["yes", 1, 0, []])
def test_what_is_no_progress_is_refused(folder: Path, wrong: Any) -> None:
    """What is neither True nor False, None nor a function is refused before anything is read, and quoted."""
    with pytest.raises(dp.DataprepError, match="True shows a bar"):
        dp.clean(folder, progress=wrong)


def test_the_rate_is_of_what_was_measured_now() -> None:
    """Images that were known before the bar began count as done, but make it no faster."""
    bar = Bar()
    bar.advance("measuring", 1_000_000, 1_000_010)
    bar._start = (bar._start[0] - 10, bar._start[1])
    bar.advance("measuring", 1_000_010, 1_000_010)
    assert bar.live.tasks[0].fields["rate"] == "1 images/s"


@pytest.mark.parametrize("images", [0, STEP - 1, STEP, 5 * STEP + 1])
def test_a_scan_is_told_as_it_goes(images: int) -> None:
    """While a source is listed, as many are told of as were found so far, by all that lists together; afterwards nobody is."""
    told: list[tuple[str, int, int]] = []
    with scanning(lambda *what: told.append(what)):
        found = [*as_found(range(images // 2)), *as_found(range(images // 2, images))]
    assert found == list(range(images))
    assert told == [("scanning", count, count) for count in range(STEP, images + 1, STEP)]
    assert len(list(as_found(range(STEP)))) == STEP
    assert len(told) == images // STEP


def test_the_scan_of_a_folder_is_told(tmp_path: Path) -> None:
    """`clean` tells how many images a folder has been found to have, before it tells what was measured."""
    image = next(write_images(tmp_path / "one", 1, height=16, width=16)[0].parent.iterdir()).read_bytes()
    for number in range(2 * STEP):
        (tmp_path / f"{number}.jpg").write_bytes(image)
    told: list[tuple[str, int, int]] = []
    dp.clean(tmp_path, dp.Pipeline(dp.PHash()), engine=dp.Local(0), progress=lambda *what: told.append(what))
    assert told[:3] == [("scanning", STEP, STEP), ("scanning", 2 * STEP, 2 * STEP), ("measuring", 0, 2 * STEP + 1)]


def test_a_bar_of_unknown_length() -> None:
    """While it scans, the bar counts without a total and a share."""
    bar = Bar(first="scanning")
    bar.advance("scanning", 1200, 1200)
    assert (bar.live.tasks[0].completed, bar.live.tasks[0].total, bar.live.tasks[0].fields["share"]) == (1200, None, "")
    bar.advance("measuring", 30, 1200)
    assert (bar.live.tasks[0].total, bar.live.tasks[0].fields["share"]) == (1200, "  2%")
