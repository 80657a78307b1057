"""What tests share: pictures, folders of them, and photos and malformed files where the environment names a folder."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import pytest
from hypothesis import settings

from dataprep.cli import main
from dataprep.images.limits import quiet_decoders
from dataprep.testing import write_images
from dataprep.types import Image

# the same examples on every run and no limit on the time of one: a test passes or fails for what it tests
settings.register_profile("dataprep", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("dataprep")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Lets a long run tell of what fails as it fails, and not at its end."""
    config = session.config
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Failures(terminal))


class _Failures:
    """Writes a line for each test that fails."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            said = f" after {report.duration:.0f} s: {crash.message.splitlines()[0]}" if crash and crash.message else ""
            self._terminal.write_line(f"\n{report.nodeid} ({report.when}){said}"[:500], red=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of 12 different photos with the labels cat and dog."""
    write_images(tmp_path / "photos", 12)
    return tmp_path / "photos"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    error: str

    def assert_refused(self, code: int, *said: str) -> None:
        """Checks for an exit code and one sentence on standard error, without a traceback."""
        assert self.code == code, self.error
        assert self.out == ""
        assert "Traceback" not in self.error
        sentence = self.error.strip().splitlines()[-1]
        assert sentence.startswith("Error: ")
        for part in said:
            assert part in sentence


@pytest.fixture
def dataprep(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs the command `dataprep` in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["dataprep", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


SECRET = "a-secret-of-the-environment"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of a server that is as S3, with a bucket called bucket."""
    server_of = pytest.importorskip("moto.server", reason="moto, the S3 of the tests, is not installed")
    pytest.importorskip("obstore", reason="obstore is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> "S3":
    """An empty bucket, and an environment in which it is found."""
    import boto3

    find_store(s3_server, monkeypatch)
    client = boto3.client("s3", region_name="us-east-1")
    bucket = f"bucket-{token_hex(4)}"
    client.create_bucket(Bucket=bucket)
    return S3(client, bucket)


def find_store(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the environment in which a server is found."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    settings = {"ENDPOINT_URL": url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": SECRET, "REGION": "us-east-1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture(scope="module")
def store_for_children(s3_server: str) -> Iterator[None]:
    """The environment in which the server is found, for what a fixture of a module starts."""
    with pytest.MonkeyPatch.context() as patch:
        find_store(s3_server, patch)
        yield


class S3(NamedTuple):
    """A bucket to fill."""

    client: Any
    bucket: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def upload(self, folder: Path, prefix: str) -> str:
        """Puts the files of a folder below a prefix, and returns its URL."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return f"{self.url}/{prefix}"


@pytest.fixture
def quiet() -> Iterator[None]:
    """The decoders as `clean` sets them up, without warnings."""
    with quiet_decoders():
        yield


@pytest.fixture(scope="session")
def skimage_photos() -> dict[str, Image]:
    """The photos that come with scikit-image, by name: (H, W, 3) RGB, none larger than 640 pixels."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        pytest.skip("scikit-image, whose packaged photos this test looks at, is not installed")
    photos = {}
    for path in sorted(Path(spec.origin).parent.joinpath("data").glob("*.[jp][pn]g")):
        with PIL.Image.open(path) as opened:
            opened.thumbnail((640, 640))
            photos[path.stem] = np.asarray(opened.convert("RGB"))
    return photos


def _files_of(variable: str) -> list[Path]:
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"set {variable} to a folder of files to run this")
    return [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]


@pytest.fixture(scope="session")
def real_photos() -> list[Path]:
    """The files in the folder that DATAPREP_PHOTOS names: real JPEG photos."""
    return _files_of("DATAPREP_PHOTOS")


@pytest.fixture(scope="session")
def hostile_files() -> list[Path]:
    """The files in the folder that DATAPREP_HOSTILE names: malformed images and files that are no images."""
    return _files_of("DATAPREP_HOSTILE")
