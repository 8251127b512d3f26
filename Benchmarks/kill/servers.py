"""What the killed downloads come from: nginx, and parcel-server over UDT. Both say what they sent to whom."""

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Sent:
    """One answer's body, as far as the kernel (over UDT: the UDT library) took it."""
    run: int
    first: int
    end: int
    began: float
    """Unix time."""
    ended: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def range_of(text: str | None) -> int:
    return int(text[6:].split("-")[0]) if text and text.startswith("bytes=") else 0


class Nginx:
    """`/NAME` as fast as it goes, `/slow/NAME` at `rate` bytes a second for each connection. `X-Run` tells the runs apart."""

    buffer = 128 << 10
    """Bytes of the sockets' send buffers."""

    def __init__(self, home: str, rate: int):
        self.home, self.rate = home, rate
        os.makedirs(f"{home}/www", exist_ok=True)
        self.root = f"{home}/www"
        self.port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(f"{kind}_temp_path {home}/tmp; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{home}/nginx.conf", "w") as file:
            file.write(f"""
{user} daemon off; worker_processes 2; pid {home}/nginx.pid; error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format sent '$http_x_run|$http_range|$status|$body_bytes_sent|$msec|$request_time|$uri';
  access_log {home}/access.log sent;
  default_type application/octet-stream; sendfile on; keepalive_requests 100000; {temporary}
  server {{
    listen 127.0.0.1:{self.port} sndbuf={self.buffer // 1024}k;
    root {self.root};
    location /slow/ {{ alias {self.root}/; limit_rate {rate}; }}
  }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-p", home, "-e", f"{home}/error.log", "-c", f"{home}/nginx.conf"])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("nginx did not start: " + open(f"{home}/error.log").read()[-500:])

    def url(self, name: str, slow: bool) -> str:
        return f"http://127.0.0.1:{self.port}/{'slow/' if slow else ''}{name}"

    def sent(self, name: str) -> list:
        """All answers about `name`. Those that were cut are logged when nginx next wants to send."""
        found = []
        for line in open(f"{self.home}/access.log"):
            run, asked, status, count, at, lasted, uri = line.rstrip("\n").split("|")
            if uri.rsplit("/", 1)[-1] != name or status not in ("200", "206"):
                continue
            first, ended = range_of(asked), float(at)
            found.append(Sent(int(run), first, first + int(count), ended - float(lasted), ended))
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class ParcelServer:
    """A folder over UDT, `rate` bytes a second over everything; UDT's buffers are kept small, for what is in them counts as sent."""

    buffer = 1 << 20

    def __init__(self, home: str, program: str, rate: int):
        self.root, self.log = f"{home}/www", f"{home}/parcel-server.log"
        os.makedirs(self.root, exist_ok=True)
        self.process = subprocess.Popen(
            [program, "--root", self.root, "-p", "0", "--log", self.log, "--rate", str(rate), "--udt-buffer-size", str(self.buffer)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"parcel-server did not start: {line}")
        self.address = line.split()[2]
        self.runs: list[tuple] = []

    def url(self, name: str, slow: bool) -> str:
        return f"{self.address}/{name}"

    def sent(self, name: str) -> list:
        """Answers carry no run's number: who asked is known from when it began. See `Sent.began`."""
        found = []
        for line in open(self.log):
            entry = json.loads(line)
            if entry["path"] != f"/{name}" or entry["status"] not in (200, 206) or entry["method"] != "GET":
                continue
            first, ended = range_of(entry["range"]), entry["time"] / 1000
            found.append(Sent(-1, first, first + entry["bytes"], ended - entry["ms"] / 1000, ended))
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
