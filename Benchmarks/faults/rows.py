"""The rows of the table: what goes wrong, and in which steps.

A row is a list of steps; a program that is told the same thing again after an interrupt has a step for each run. `due` is
what a program that promises "never a wrong file" has to give: "right", or "refused" where no right file is to be had.
"""

import gzip
from dataclasses import dataclass, field
from typing import Callable, Optional

from server import Answer, Request, Server, Thing, honest, validators

MEGA = 1 << 20
SIZE = 32 * MEGA
MIDDLE = 20_132_659
"""Where faults in the middle strike: 60 %, not on anybody's boundary."""

FIRST = Thing(1, SIZE, "Mon, 05 Jan 2026 10:00:00 GMT")
SECOND = Thing(2, SIZE, "Tue, 06 Jan 2026 10:00:00 GMT")
PAGE = (b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><p>Your session has ended.</p>"
        + b"<p>Please sign in again.</p>" * 40 + b"</body></html>\n")


@dataclass
class Step:
    answer: Callable = honest
    thing: Optional[Thing] = None
    """The object from this step on."""
    rate: Optional[float] = None
    """Bytes a second over all connections."""
    end: Optional[tuple] = None
    """('INT' | 'KILL', bytes): this signal once that many bytes of the object were sent. None: until it ends by itself."""


@dataclass
class Row:
    key: str
    title: str
    due: str
    steps: list = field(default_factory=lambda: [Step()])
    digest: Optional[str] = None
    """'right' or 'wrong': an md5 is known beforehand, to those that can be told."""
    kind: str = "file"
    """'file', 'disk' (a file system that is too small, then has space), 'name' (the server says the name)."""
    strikes: bool = False
    """The fault comes once, when some body reaches MIDDLE: a cell where none did says nothing."""
    slack: Optional[float] = None
    """How many times the object's size parcel may fetch in all; None: not looked at."""


def early(count: int, status: int, extra: list) -> Callable:
    """The first `count` requests get `status`."""
    def answer(server: Server, request: Request) -> Answer:
        if request.number < count:
            return Answer(status, extra, memoryview(b"later\n"))
        return honest(server, request)
    return answer


def strike(how: str) -> Callable:
    """The first body that comes by MIDDLE ends there."""
    def answer(server: Server, request: Request) -> Answer:
        plan = honest(server, request)
        if plan.first <= MIDDLE:
            plan.stop = (MIDDLE, how)
        return plan
    return answer


def chunked_cut(server: Server, request: Request) -> Answer:
    """Chunked, no ranges, and the first body ends without the last chunk."""
    plan = Answer(200, validators(server.thing), memoryview(server.thing.bytes), chunked=True)
    plan.stop = (MIDDLE, "close")
    return plan


def flip_once(server: Server, request: Request) -> Answer:
    plan = honest(server, request)
    plan.flip = MIDDLE
    return plan


def without_ranges(server: Server, request: Request) -> Answer:
    return Answer(200, validators(server.thing), memoryview(server.thing.bytes))


def wrong_range(server: Server, request: Request) -> Answer:
    """206 to every range, but always from byte 0: said truly in Content-Range."""
    plan = honest(server, request)
    if plan.status == 206 and plan.first > 0:
        count = len(plan.body)
        plan.headers = [h for h in plan.headers if h[0] != "Content-Range"]
        plan.headers.append(("Content-Range", f"bytes 0-{count - 1}/{server.thing.size}"))
        plan.body, plan.first = memoryview(server.thing.bytes)[:count], 0
    return plan


def page(server: Server, request: Request) -> Answer:
    return Answer(200, [("Content-Type", "text/html; charset=utf-8")], memoryview(PAGE))


def gzipped() -> Callable:
    packed = gzip.compress(FIRST.bytes, 1, mtime=0)

    def answer(server: Server, request: Request) -> Answer:
        return Answer(
            200, [("Content-Type", "application/octet-stream"), ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")],
            memoryview(packed), chunked=True)
    return answer


def slow_tail(server: Server, request: Request) -> Answer:
    plan = honest(server, request)
    plan.pace = lambda place: 256 << 10 if place >= SIZE * 7 // 10 else 8 * MEGA
    return plan


def hostile_name(server: Server, request: Request) -> Answer:
    plan = honest(server, request)
    plan.headers.append(("Content-Disposition", 'attachment; filename="../../escaped.bin"'))
    return plan


FORTY = ("INT", SIZE * 4 // 10)


def rows() -> list:
    slow = SIZE / 8
    return [
        Row("replaced", "interrupted at 40 %; meanwhile replaced by another object of the same size", "refused",
            [Step(rate=slow, end=FORTY), Step(thing=SECOND)]),
        Row("no-ranges", "interrupted at 40 %; then the server no longer honours ranges", "right",
            [Step(rate=slow, end=FORTY), Step(without_ranges)]),
        Row("wrong-range", "interrupted at 40 %; then every range asked for is answered with one from byte 0", "refused",
            [Step(rate=slow, end=FORTY), Step(wrong_range)]),
        Row("page-later", "interrupted at 40 %; then a sign-in page with status 200; then all is well", "right",
            [Step(rate=slow, end=FORTY), Step(page), Step()], slack=1.15),
        Row("page", "a sign-in page with status 200 in place of the file (size and md5 known)", "refused", [Step(page)],
            digest="right"),
        Row("kill-6", "`kill -9` after 6 s, at 37 %; the same command again", "right",
            [Step(rate=SIZE / 16, end=("KILL", SIZE * 6 // 16)), Step()], slack=1.15),
        Row("kill-13", "`kill -9` after 13 s, at 81 %; the same command again", "right",
            [Step(rate=SIZE / 16, end=("KILL", SIZE * 13 // 16)), Step()], slack=1.15),
        Row("429", "two answers 429 with `Retry-After: 2`", "right", [Step(early(2, 429, [("Retry-After", "2")]))]),
        Row("503", "two answers 503", "right", [Step(early(2, 503, []))]),
        Row("stall", "the body stalls at 60 %, the connection stays open", "right", [Step(strike("stall"))], strikes=True),
        Row("reset", "the connection is reset at 60 %", "right", [Step(strike("reset"))], slack=1.15, strikes=True),
        Row("short", "the body ends at 60 %, the connection is closed in good order", "right", [Step(strike("close"))],
            slack=1.15, strikes=True),
        Row("chunked", "a chunked body without ranges ends at 60 % without the last chunk", "right", [Step(chunked_cut)], strikes=True),
        Row("slow-tail", "the last 30 % come at 256 KiB/s a connection", "right", [Step(slow_tail)]),
        Row("gzip", "a proxy in between compresses: `Content-Encoding: gzip`", "refused", [Step(gzipped())]),
        Row("flip", "one bit is turned over on the way, once (md5 known)", "right", [Step(flip_once)], digest="right",
            # This server gives no digests of ranges: nobody can say which part is wrong without fetching all of it again.
            slack=2.1, strikes=True),
        Row("wrong-md5", "the known md5 is not that of the file", "refused", digest="wrong"),
        Row("disk-full", "32 MiB onto a file system of 16 MiB; then it has 64; again", "right", kind="disk", slack=1.25),
        Row("name", "the server names the file `../../escaped.bin`", "right", [Step(hostile_name)], kind="name"),
    ]
