"""An HTTP/1.1 server on loopback that serves one object and does to it what a row of the table says.

One thread a connection; what each answer is, decides the `answer` function of the row. Everything that depends on order
("the first two requests", "once") is counted under one lock. Nothing here draws a random number.
"""

import hashlib
import random
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

CHUNK = 32 << 10


class Thing:
    """The object that is served: bytes, strong validator, date."""

    def __init__(self, seed: int, size: int, date: str):
        self.bytes = random.Random(seed).randbytes(size)
        self.etag = '"%s"' % hashlib.md5(self.bytes).hexdigest()
        self.date = date
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        self.md5 = hashlib.md5(self.bytes).hexdigest()
        self.size = size


@dataclass
class Request:
    method: str
    target: str
    headers: dict
    number: int
    """Position among all requests of this server, from 0."""
    status: int = 0
    first: int = 0
    """Where in the object the answer's body begins."""
    sent: int = 0
    """Bytes of body handed to the kernel."""

    def header(self, name: str) -> Optional[str]:
        return self.headers.get(name.lower())


@dataclass
class Answer:
    status: int
    headers: list
    body: memoryview = field(default_factory=lambda: memoryview(b""))
    first: int = 0
    length: Optional[int] = None
    """What Content-Length says; the body's length unless given, none at all when chunked or `bare`."""
    chunked: bool = False
    bare: bool = False
    pace: Optional[Callable[[int], Optional[float]]] = None
    """Bytes a second at an offset of the object, for this connection."""
    stop: Optional[tuple] = None
    """(offset, 'stall' | 'reset' | 'close'): what happens to the first body that reaches that offset of the object."""
    flip: Optional[int] = None
    """Offset of the object whose lowest bit arrives turned over in the first body that reaches it."""


class Bucket:
    """Bytes a second over all connections."""

    def __init__(self, rate: float):
        self.rate = rate
        self.lock = threading.Lock()
        self.free_at = time.monotonic()

    def take(self, count: int):
        with self.lock:
            now = time.monotonic()
            start = max(self.free_at, now)
            self.free_at = start + count / self.rate
        time.sleep(max(0.0, start - now))


class Server:
    def __init__(self, thing: Thing, answer: Callable, rate: Optional[float] = None):
        self.thing = thing
        self.answer = answer
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.done = set()
        self.extra: dict[str, tuple] = {}
        """Other things that are served as they are, outside of the row: target to (type, bytes)."""
        self.bucket = Bucket(rate) if rate else None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Small, so that what was "sent" is nearly what arrived.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.connections: set[socket.socket] = set()
        self.closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def change(self, thing: Optional[Thing] = None, answer: Optional[Callable] = None, rate: Optional[float] = None):
        """From now on. Connections of before are cut."""
        with self.lock:
            self.thing = thing or self.thing
            self.answer = answer or self.answer
            self.bucket = Bucket(rate) if rate else None
            old, self.connections = self.connections, set()
        for connection in old:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def once(self, key) -> bool:
        """True the first time it is asked about `key`."""
        with self.lock:
            if key in self.done:
                return False
            self.done.add(key)
            return True

    def sent(self, since: int = 0) -> int:
        with self.lock:
            return sum(request.sent for request in self.requests[since:])

    def close(self):
        self.closed = True
        self.listener.close()
        self.change()

    def _accept(self):
        while not self.closed:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            kept = b""
            while True:
                while b"\r\n\r\n" not in kept:
                    more = connection.recv(8192)
                    if not more:
                        return
                    kept += more
                head, kept = kept.split(b"\r\n\r\n", 1)
                if not self._one(connection, head.decode("latin-1")):
                    return
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.close()

    def _one(self, connection: socket.socket, head: str) -> bool:
        """Answers one request. False when the connection ends with it."""
        lines = head.split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if target in self.extra:
            kind, text = self.extra[target]
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n".encode())
            connection.sendall(b"" if method == "HEAD" else text)
            return True
        with self.lock:
            request = Request(method, target, headers, len(self.requests))
            self.requests.append(request)
            answer_of = self.answer
        answer = answer_of(self, request)
        request.status = answer.status
        request.first = answer.first
        said = [f"HTTP/1.1 {answer.status} {'OK' if answer.status < 300 else 'No'}"]
        said += [f"{name}: {value}" for name, value in answer.headers]
        if answer.chunked:
            said.append("Transfer-Encoding: chunked")
        elif answer.bare:
            said.append("Connection: close")
        else:
            said.append(f"Content-Length: {len(answer.body) if answer.length is None else answer.length}")
        connection.sendall(("\r\n".join(said) + "\r\n\r\n").encode("latin-1"))
        if method == "HEAD":
            return not answer.bare
        return self._body(connection, request, answer)

    def _body(self, connection: socket.socket, request: Request, answer: Answer) -> bool:
        at = 0
        while at < len(answer.body):
            end = min(at + CHUNK, len(answer.body))
            place = answer.first + at
            if answer.stop and place >= answer.stop[0]:
                if self.once("struck"):
                    return self._stop(connection, answer.stop[1])
                answer.stop = None
            if answer.stop and place < answer.stop[0] < answer.first + end:
                end = answer.stop[0] - answer.first
            piece = answer.body[at:end]
            if answer.flip is not None and place <= answer.flip < answer.first + end and self.once("struck"):
                changed = bytearray(piece)
                changed[answer.flip - place] ^= 1
                piece = bytes(changed)
            bucket = self.bucket
            if bucket:
                bucket.take(len(piece))
            if answer.pace and (rate := answer.pace(place)):
                time.sleep(len(piece) / rate)
            if answer.chunked:
                piece = b"%x\r\n" % len(piece) + bytes(piece) + b"\r\n"
            connection.sendall(piece)
            request.sent += end - at
            at = end
        if answer.chunked:
            connection.sendall(b"0\r\n\r\n")
        if answer.bare:
            connection.shutdown(socket.SHUT_WR)
        return not answer.bare

    def _stop(self, connection: socket.socket, how: str) -> bool:
        if how == "stall":
            # Until the client hangs up, or the server is closed or changed.
            poll = select.poll()
            poll.register(connection, select.POLLIN | select.POLLHUP | select.POLLRDHUP)
            poll.poll()
        elif how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # What is in the buffers first, so that N is where the client sees the reset.
            time.sleep(0.2)
        return False


def asked_range(request: Request, size: int) -> Optional[tuple]:
    """(first, end) of `Range: bytes=…`, None when there is none that can be satisfied."""
    text = request.header("range")
    if not text or not text.startswith("bytes=") or "," in text:
        return None
    first, _, last = text[6:].partition("-")
    if not first:
        return (max(0, size - int(last)), size)
    end = min(int(last) + 1, size) if last else size
    return (int(first), end)


def validators(thing: Thing) -> list:
    return [("ETag", thing.etag), ("Last-Modified", thing.date), ("Content-Type", "application/octet-stream")]


def honest(server: Server, request: Request) -> Answer:
    """What a server does that has nothing wrong with it: ranges, `If-Range`, strong validator."""
    thing = server.thing
    headers = validators(thing) + [("Accept-Ranges", "bytes")]
    asked = asked_range(request, thing.size)
    condition = request.header("if-range")
    if asked and (condition is None or condition in (thing.etag, thing.date)):
        first, end = asked
        if first >= thing.size:
            return Answer(416, [("Content-Range", f"bytes */{thing.size}")])
        headers.append(("Content-Range", f"bytes {first}-{end - 1}/{thing.size}"))
        return Answer(206, headers, memoryview(thing.bytes)[first:end], first)
    return Answer(200, headers, memoryview(thing.bytes))
