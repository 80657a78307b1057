"""The one door to object stores, by obstore: S3, Google Cloud Storage, Azure, and files that a web server gives.

A client is made in each process, from its environment and its machine's roles, and belongs to no value: it holds the secret, also
pickled, and hangs in a process that was forked from one that had used it. A request that failed for a reason that passes is made
again, after ever longer pauses, and what was had so says how often. All else is a `SourceError` that says what to set.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import unquote
from zlib import crc32

from dataprep.errors import SourceError
from dataprep.fetched import Fetched
from dataprep.machine import sharers

Answer = TypeVar("Answer")

CONCURRENCY: Final = 64  # requests at once, of a machine, unless the environment says another number
REQUESTS: Final = "DATAPREP_REQUESTS"
PAGE: Final = 1000  # objects of a listing at once
PATIENCE: Final = 60.0  # seconds for which a request is made again, of a store that has answered before
TRIAL: Final = 5.0  # the same before its first answer: it may not be there at all
DENYING: Final = frozenset({401, 403})  # states of who may not ask
PAUSE: Final = (0.1, 5.0)  # seconds before a request is made again: the first time, and at most
PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})  # states of a server, not of what was asked
TIMES: Final = {"connect_timeout": "5s", "read_timeout": "20s", "timeout": "600s"}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

SCHEMES: Final = {
    "s3": "set AWS_PROFILE (which needs boto3), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for a public bucket "
    "AWS_SKIP_SIGNATURE=true; AWS_REGION, and AWS_ENDPOINT_URL where it is not Amazon's",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials; for a public bucket GOOGLE_SKIP_SIGNATURE=true",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    "https": "it has to be given to anybody who asks",
    "http": "it has to be given to anybody who asks",
}
"""What stores are called in a URL, and what is to be set where one does not let us in."""


class Place(NamedTuple):
    """Where objects are.

    Attributes:
        root: The bucket, container or server, as a URL.
        prefix: What their keys start with, without a slash at the end.
    """

    root: str
    prefix: str

    @property
    def scheme(self) -> str:
        """What kind of store it is."""
        return self.root.partition("://")[0]

    def key(self, path: str) -> str:
        """Returns the key of an object by its path below the prefix."""
        return f"{self.prefix}/{path}" if self.prefix else path


class Object(NamedTuple):
    """What a store says of an object.

    Attributes:
        path: Below the prefix that was asked for.
        bytes: Its size.
        modified: When it was written, in nanoseconds since 1970.
        version: Its ETag, another one after each change; None where the store has none.
    """

    path: str
    bytes: int
    modified: int
    version: str | None


class StoreError(SourceError):
    """A store does not give something, also after so many `retries`."""

    retries = 0


class AbsentError(StoreError):
    """There is no such object."""


class DeniedError(StoreError):
    """A store does not let us in; that is the fault of no image."""

    of_image = False


def at_once() -> int:
    """Returns how many requests this process makes at once: its share of those of its machine, and one at least.

    Raises:
        SourceError: The environment says what is no number of requests.
    """
    said = os.environ.get(REQUESTS, str(CONCURRENCY))
    if not said.isdecimal() or int(said) < 1:
        raise SourceError(f"{REQUESTS}={said}: give how many requests to stores a machine makes at once, such as {CONCURRENCY}")
    return max(int(said) // sharers(), 1)


@cache
def place_of(url: str) -> Place:
    """Returns the place that a URL names.

    Raises:
        SourceError: It is of no store, names no bucket, or has more in it than a place.
    """
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in SCHEMES:
        raise SourceError(f"{url!r} is no place in a store; it starts with {', '.join(f'{known}://' for known in SCHEMES)}")
    bucket, _, prefix = rest.partition("/")
    is_web = scheme.startswith("http")
    if "@" in bucket or (is_web and "?" in rest):
        raise SourceError(f"{scheme}://…: a URL with a key or a password in it would be written into files; {SCHEMES[scheme]}")
    if not bucket:
        raise SourceError(f"{url!r} names no bucket; such as {scheme}://bucket/photos")
    return Place(f"{scheme}://{bucket}", (unquote(prefix) if is_web else prefix).strip("/"))


def list_objects(url: str) -> Iterator[Object]:
    """Yields all objects below a place, in the order of the store.

    Raises:
        SourceError: It cannot be listed; the message says what to set.
    """
    place = place_of(url)
    if place.scheme.startswith("http"):
        raise SourceError(
            f"{url} cannot be listed, as no web server can; give a list of the images there, a path a line: {url}/list.txt, or a "
            f"file of this machine with root={url!r} (--root)"
        )
    last: str | None = None
    stream: Any = None

    def next_page(client: Any) -> Any:
        nonlocal stream
        stream = stream or _library().list(client, place.prefix or None, offset=last, chunk_size=PAGE)
        try:
            return next(stream, None)
        except Exception:
            stream = None  # the next try goes on behind what was had
            raise

    while page := _tried(place, "", next_page, f"{url} cannot be listed")[0]:
        last = page[-1]["path"]
        yield from (_object(place, found) for found in page)


def list_level(url: str) -> tuple[list[str], list[Object]]:
    """Returns the names of the folders that keys name directly below a place, and the objects there.

    Raises:
        SourceError: It cannot be listed; the message says what to set.
    """
    place = place_of(url)
    found, _ = _tried(
        place, "", lambda client: _library().list_with_delimiter(client, place.prefix or None), f"{url} cannot be listed"
    )
    start = len(place.key(""))
    return [folder[start:] for folder in found["common_prefixes"]], [_object(place, one) for one in found["objects"]]


def look(url: str, path: str) -> Object:
    """Returns what a store says of one object.

    Raises:
        SourceError: There is none, or it cannot be asked for.
    """
    obstore, place = _library(), place_of(url)
    return _object(place, _tried(place, path, lambda client: obstore.head(client, place.key(path)))[0])


def fetch(url: str, path: str, start: int = 0, stop: int | None = None) -> Fetched:
    """Returns the bytes `start` to `stop` of an object, with its version, and how often it had to be asked for again.

    Raises:
        SourceError: It cannot be read.
    """
    if stop is not None and stop <= start:
        return Fetched()
    obstore, place = _library(), place_of(url)
    asked: Any = None if (start, stop) == (0, None) else {"offset": start} if stop is None else (start, stop)

    def get(client: Any) -> Fetched:
        got = obstore.get(client, place.key(path), options={"range": asked} if asked else None)
        data = Fetched(memoryview(got.bytes()))
        first, last = got.range
        if len(data) != last - first:
            raise ConnectionError(f"{len(data):,} bytes came of {last - first:,}")
        data.version = _tag(got.meta["e_tag"])
        return data

    try:
        data, retries = _tried(place, path, get)
    except SourceError as error:
        if start and isinstance(error.__cause__, Exception) and _status(str(error.__cause__)) == 416:
            return Fetched()  # it ends before
        raise
    data.retries = retries
    return data


def put(url: str, path: str, data: bytes | Path, *, absent: bool = False) -> bool:
    """Writes an object whole, of bytes or a file; returns False where it is to be `absent` before, and is not.

    Raises:
        SourceError: It cannot be written.
    """
    obstore, place = _library(), place_of(url)

    def put_whole(client: Any) -> bool:
        try:
            obstore.put(
                client, place.key(path), data, mode="create" if absent else "overwrite", use_multipart=False if absent else None
            )
        except obstore.exceptions.AlreadyExistsError:
            return False
        return True

    return _tried(place, path, put_whole, f"{url}/{path} cannot be written")[0]


def _object(place: Place, found: Any) -> Object:
    """Returns what a store says, under the path below the prefix."""
    modified = (found["last_modified"] - EPOCH) // timedelta(microseconds=1) * 1000
    return Object(found["path"][len(place.key("")) :], found["size"], modified, _tag(found["e_tag"]))


def _tag(said: str | None) -> str | None:
    """Returns an ETag without its quotes, which Azure and Google's lists leave out and their answers do not."""
    return None if said is None else said.removeprefix("W/").strip('"')


PATIENT: Final[dict[str, float]] = {}
"""For how many seconds requests are made again, of each store, by its last answer: one that is down costs that once."""


def _tried(place: Place, path: str, ask: Callable[[Any], Answer], failing: str = "cannot be read") -> tuple[Answer, int]:
    """Returns the answer of a store, and how often it had to be asked again.

    Raises:
        SourceError: It has none, whatever the patience.
    """
    end = time.monotonic() + PATIENT.get(place.root, TRIAL)
    share = 0.5 + crc32(path.encode("utf-8", "surrogatepass")) / 2**33  # so that not all ask again at the same moment
    for retries in count():
        try:
            answer = ask(_client(place.root, _process()))
        except Exception as error:
            pause = min(PAUSE[0] * 2**retries, PAUSE[1]) * share
            passes = _passes(error)
            if passes and time.monotonic() + pause < end:
                time.sleep(pause)
                continue
            if passes:
                PATIENT[place.root] = 0.0
            named = _named(error, place, retries, failing)
            named.retries = retries
            raise named from error
        PATIENT[place.root] = PATIENCE
        return answer, retries
    raise AssertionError("numbers do not end")


def remove(url: str, path: str) -> None:
    """Removes an object of our own, whether it is there or not.

    Raises:
        SourceError: It cannot be removed.
    """
    obstore, place = _library(), place_of(url)
    with suppress(AbsentError):
        _tried(place, path, lambda client: obstore.delete(client, place.key(path)), f"{url}/{path} cannot be removed")


STARTED: Final[list[int]] = []
"""The process that used a client first."""


def _process() -> int:
    """Returns the number of this process.

    Raises:
        SourceError: It was forked from one that has used a client, in which this one would wait for ever.
    """
    process = os.getpid()
    if STARTED and STARTED[0] != process:
        raise SourceError(
            "cannot be read: this process was forked from one that has read from a store, and clients of stores do not live "
            'through that; start processes by "forkserver" or "spawn"'
        )
    STARTED[:] = [process]
    return process


def _library() -> Any:
    """Returns obstore.

    Raises:
        SourceError: It is not installed.
    """
    try:
        import obstore
        import obstore.exceptions
    except ModuleNotFoundError as error:
        raise SourceError("stores are read by obstore: pip install 'dataprep-images[stores]'") from error
    return obstore


@cache
def _client(root: str, process: int) -> Any:
    """Returns the client of a bucket, container or server for a process, by its environment."""
    from obstore import store

    known: dict[str, Any] = {"client_options": {**TIMES, "allow_http": True}, "retry_config": {"max_retries": 0}}
    if root.startswith("http"):
        return store.HTTPStore.from_url(root, **known)
    if root.startswith("s3://") and (provider := _profile()):
        known["credential_provider"] = provider
    return store.from_url(root, **known)


def _profile() -> Any:
    """Returns what asks boto3 for credentials, as of a profile or a single sign-on; None where the environment has them itself.

    Raises:
        SourceError: A profile is named, and boto3 is missing or does not know it.
    """
    named = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    files = [os.environ.get(name) or os.path.expanduser(usual) for name, usual in FILES.items()]
    if not named and (any(name in os.environ for name in DIRECT) or not any(map(os.path.exists, files))):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider

        return Boto3CredentialProvider()
    except ImportError as error:
        if named:
            raise SourceError(f"AWS_PROFILE={named} needs boto3: pip install boto3") from error
    except Exception as error:
        if named:
            raise SourceError(f"AWS_PROFILE={named}: {error}") from error
    return None


FILES: Final = {
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_CONFIG_FILE": "~/.aws/config",
}
DIRECT: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""What obstore takes from the environment by itself."""


def _status(text: str) -> int | None:
    """Returns the state that a server answered with, None where none did."""
    found = re.search(r"status code: (\d{3})", text)
    return int(found[1]) if found else None


def _passes(error: Exception) -> bool:
    """Returns whether the same request may be answered another time: the server was busy, or the way to it broke."""
    from obstore.exceptions import GenericError

    text, state = str(error), _status(str(error))
    if isinstance(error, GenericError) and not _lacks_credentials(text) and "incorrectly configured" not in text:
        return state is None or state in PASSING
    return isinstance(error, ConnectionError)


def _lacks_credentials(text: str) -> bool:
    """Returns whether a client asked its machine for a role, and it has none."""
    return any(sign in text for sign in LACKING)


LACKING: Final = ("http://169.254.", "token request", "must be specified", "Missing AccessKeyId", "Missing SecretAccessKey")
"""What an error says where a client looked for a role, an account, and found none."""


def _named(error: Exception, place: Place, retries: int, failing: str) -> StoreError:
    """Returns what went wrong as an error of ours, which has no key in it that a URL or an answer had."""
    if isinstance(error, SourceError):
        return StoreError(str(error))
    from obstore.exceptions import InvalidPathError, PermissionDeniedError, UnauthenticatedError

    text = str(error)
    if _lacks_credentials(text):
        _client.cache_clear()  # the next one may find other settings
        return DeniedError(f"{failing}: no credentials for {place.root}; {SCHEMES[place.scheme]}")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _status(text) in DENYING:
        _client.cache_clear()
        return DeniedError(f"{failing}: no access to {place.root} ({_said(text)}); {SCHEMES[place.scheme]}")
    if isinstance(error, InvalidPathError):
        return StoreError(f"{failing}: {text.partition(chr(10))[0]}; rename the object")
    if isinstance(error, FileNotFoundError):
        return AbsentError(f"{failing}: there is no such object")
    return StoreError(f"{failing}: {_said(text)}{f', also after {retries} retries' if retries else ''}")


def _said(text: str) -> str:
    """Returns what a store answered, in short: its state and message, or what broke."""
    text = text.partition("\n\nDebug source")[0]
    state = re.search(r"status code: (\d{3}[^:<]*)", text)
    message = re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)
    if state:
        return f"{state[1].strip()}{': ' + message[1].partition(chr(10))[0] if message else ''}"
    return re.sub(r"\?\S*", "", text.rpartition(" - ")[2] or text)[:200]
