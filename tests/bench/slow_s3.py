"""A bucket at the end of a long line, as a process: `python -m tests.bench.slow_s3 SECONDS`.

It costs a tenth of the processor time of a full stand-in, so that what is measured is the waiting;
whether the client speaks S3 is tested elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import signal
import sys
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

_DATE = "2026-01-01T00:00:00.000Z"
_HTTP_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"

Answer = tuple[int, dict[str, str], bytes]


class Bucket:
    """Objects in memory, and answers about them."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Status, headers and body of a request's answer."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        if not key:
            return self._of_the_bucket(method, query, body)
        there = self.objects.get(key)
        if method == "PUT":
            return self._put(key, headers, body)
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, {}, b""
        if there is None:
            return 404, {}, _error("NoSuchKey")
        data, tag = there
        about = {"ETag": tag, "Last-Modified": _HTTP_DATE}
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        if span is None:
            return 200, about, data
        first, last = int(span[1]), min(int(span[2] or len(data)), len(data) - 1)
        about["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return 206, about, data[first : last + 1]

    def _put(self, key: str, headers: dict[str, str], body: bytes) -> Answer:
        there = self.objects.get(key)
        if headers.get("if-none-match") == "*" and there is not None:
            return 412, {}, _error("PreconditionFailed")
        if "if-match" in headers and (there is None or there[1] != headers["if-match"]):
            return 412, {}, _error("PreconditionFailed")
        source = headers.get("x-amz-copy-source")
        if source is not None:
            origin = self.objects.get(unquote(source).lstrip("/").partition("/")[2])
            if origin is None:
                return 404, {}, _error("NoSuchKey")
            self.objects[key] = origin
            told = f"<ETag>{escape(origin[1])}</ETag><LastModified>{_DATE}</LastModified>"
            return 200, {}, f"<CopyObjectResult>{told}</CopyObjectResult>".encode()
        self.objects[key] = (body, f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')
        return 200, {"ETag": self.objects[key][1]}, b""

    def _of_the_bucket(self, method: str, query: dict[str, list[str]], body: bytes) -> Answer:
        if method == "POST" and "delete" in query:
            for key in re.findall(rb"<Key>(.*?)</Key>", body):
                self.objects.pop(key.decode(), None)
            return 200, {}, b"<DeleteResult></DeleteResult>"
        if "versioning" in query:
            return 200, {}, b"<VersioningConfiguration></VersioningConfiguration>"
        if "object-lock" in query:
            return 404, {}, _error("ObjectLockConfigurationNotFoundError")
        prefix = query.get("prefix", [""])[0]
        found, folders = [], set()
        for key in sorted(key for key in self.objects if key.startswith(prefix)):
            rest, slash, _ = key[len(prefix) :].partition("/")
            if slash and "delimiter" in query:
                folders.add(f"{prefix}{rest}/")
                continue
            data, tag = self.objects[key]
            found.append(
                f"<Contents><Key>{quote(key)}</Key><Size>{len(data)}</Size>"
                f"<ETag>{escape(tag)}</ETag><LastModified>{_DATE}</LastModified></Contents>"
            )
        found += [
            f"<CommonPrefixes><Prefix>{quote(f)}</Prefix></CommonPrefixes>" for f in sorted(folders)
        ]
        head = "<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>"
        whole = f"<ListBucketResult>{head}{''.join(found)}</ListBucketResult>"
        return 200, {"Content-Type": "application/xml"}, whole.encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


async def serve(latency_s: float) -> None:
    """Serves until the process is ended; says its address first."""
    bucket = Bucket()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split()
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                if headers.get("expect") == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await asyncio.sleep(latency_s)
                status, about, data = bucket.answer(method, target, headers, body)
                lines = [f"HTTP/1.1 {status} it is so", f"Content-Length: {len(data)}"]
                lines += [f"{name}: {value}" for name, value in about.items()]
                sent = b"" if method == "HEAD" or status == 204 else data
                writer.write("\r\n".join([*lines, "", ""]).encode() + sent)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"s3+http://KEY:SECRET@127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Serves with so many seconds before every answer."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    asyncio.run(serve(float(sys.argv[1])))


if __name__ == "__main__":
    main()
