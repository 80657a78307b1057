"""A small S3 of its own process that gives the files of a folder as slowly, and with as many faults, as it is told.

It answers lists, whole objects and ranges of them, each after a delay, and counts. Which request meets which fault follows from a
seed and the number of the request: "503" and nothing else, a "reset" connection, a "short" body, a "slow" one, or another "etag";
and, where it is asked for, a "403".
"""

import argparse
import asyncio
import json
import os
import random
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from hashlib import md5
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KINDS = ("503", "reset", "short", "slow", "etag")
PAGE = 1000
SLOW = 0.2  # seconds


class Serving:
    """A server that runs."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def counts(self) -> Counter[str]:
        """Returns how many requests it had, the most at once, and how many met each kind of fault."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", "/-/counts")
            return Counter(json.loads(connection.getresponse().read()))


@contextmanager
def serving(
    folder: Path, *, delay: float = 0.0, rate: float = 0.0, seed: int = 0, kinds: Sequence[str] = KINDS
) -> Iterator[Serving]:
    """Gives a server of the files in a folder, in whatever bucket they are asked for.

    Args:
        folder: The folder.
        delay: Seconds before each answer.
        rate: The share of requests that meet a fault.
        seed: Which ones do.
        kinds: Which faults.
    """
    command = [sys.executable, __file__, str(folder), str(delay), str(rate), str(seed), *kinds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Serving(int(process.stdout.readline()))
        finally:
            process.terminate()


class Server:
    """The files, and what is done to requests."""

    def __init__(self, folder: Path, delay: float, rate: float, seed: int, kinds: Sequence[str]) -> None:
        self.files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
        self.delay, self.rate, self.seed, self.kinds = delay, rate, seed, kinds
        self.counts: Counter[str] = Counter()
        self.under_way = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of a connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in request[1:])}
                method, target, _ = request[0].split(" ")
                if target == "/-/counts":
                    self._send(writer, 200, json.dumps(self.counts).encode())
                elif not await self._answer(method, target, headers, writer):
                    return
                await writer.drain()

    async def _answer(self, method: str, target: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        """Answers one request, and returns whether the connection goes on."""
        self.counts["requests"] += 1
        drawn = random.Random(f"{self.seed}/{self.counts['requests']}")
        fault = drawn.choice(self.kinds) if drawn.random() < self.rate else ""
        self.counts[fault or "fine"] += 1
        self.under_way += 1
        self.counts["at once"] = max(self.counts["at once"], self.under_way)
        await asyncio.sleep(self.delay + SLOW * (fault == "slow"))
        self.under_way -= 1
        if fault == "503":
            self._send(writer, 503, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
            return True
        if fault == "403":
            self._send(writer, 403, b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>")
            return True
        if fault == "reset":
            lingering = struct.pack("ii", 1, 0)  # what is closed is reset then
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
            writer.close()
            return False
        parts = urlsplit(target)
        _, _, key = unquote(parts.path).lstrip("/").partition("/")
        if not key:
            self._send(writer, 200, self._list(parse_qs(parts.query)), short=fault == "short")
        elif key not in self.files:
            self._send(writer, 404, b"<Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>")
        else:
            self._give(writer, method, self.files[key], headers.get("range"), fault)
        if fault == "short":
            await writer.drain()
            writer.close()
        return fault != "short"

    def _give(self, writer: asyncio.StreamWriter, method: str, path: Path, asked: str | None, fault: str) -> None:
        """Sends an object, or a range of it."""
        size, more = path.stat().st_size, {"ETag": f'"{_tag(path)}{"x" * (fault == "etag")}"'}
        first, last, status = 0, size - 1, 200
        if asked is not None:
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last, status = int(start), min(int(end or size), size - 1), 206
            more["Content-Range"] = f"bytes {first}-{last}/{size}"
            if first >= size:
                self._send(writer, 416, b"<Error><Code>InvalidRange</Code><Message>It ends before.</Message></Error>")
                return
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(last - first + 1)
        self._send(writer, status, data, more, head=method == "HEAD", short=fault == "short")

    def _list(self, query: dict[str, list[str]]) -> bytes:
        """Returns a page of a listing."""
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", query.get("start-after", [""]))[0]
        keys = [key for key in sorted(self.files) if key.startswith(prefix) and key > after]
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{_tag(self.files[key])}&quot;</ETag><Size>{self.files[key].stat().st_size}</Size></Contents>"
            for key in keys[:PAGE]
        )
        more = f"<NextContinuationToken>{escape(keys[PAGE - 1])}</NextContinuationToken>" if len(keys) > PAGE else ""
        cut = str(len(keys) > PAGE).lower()
        return f"<ListBucketResult><IsTruncated>{cut}</IsTruncated>{more}{items}</ListBucketResult>".encode()

    def _send(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        body: bytes,
        more: dict[str, str] | None = None,
        *,
        head: bool = False,
        short: bool = False,
    ) -> None:
        lines = {"Content-Length": str(len(body)), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", **(more or {})}
        head_lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in lines.items()), ""]
        writer.write("".join(f"{line}\r\n" for line in head_lines).encode())
        if not head:
            writer.write(body[: len(body) // 2] if short else body)


def _files(folder: Path) -> list[Path]:
    """Returns the files below a folder, also of folders that are linked to."""
    found = [Path(base) / name for base, _, names in os.walk(folder, followlinks=True) for name in names]
    return sorted(found)


@cache
def _tag(path: Path) -> str:
    return md5(path.read_bytes(), usedforsecurity=False).hexdigest()


async def main(arguments: Any) -> None:
    """Serves until it is ended."""
    server = Server(Path(arguments.folder), arguments.delay, arguments.rate, arguments.seed, arguments.kinds)
    started = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    sys.stdout.write(f"{started.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await started.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("delay", type=float)
    parser.add_argument("rate", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("kinds", nargs="*")
    asyncio.run(main(parser.parse_args()))
