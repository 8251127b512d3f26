"""The programs of the table and how each is asked to fetch one URL to one name.

Each gets the options that a careful person gives it: try again, wait between tries, hang up on a silent server after 30 s,
continue what is there. parcel runs as it is, with four connections like the others that have any.
"""

import re
import subprocess
from dataclasses import dataclass


@dataclass
class Want:
    url: str
    out: str
    """Folder that the file belongs into. The program runs in it."""
    name: str = "file.bin"
    size: int = 0
    md5: str = ""
    """Known to the programs that can be told; empty when the row's digest is unknown."""
    metalink: str = ""
    """URL of a Metalink with the same digest."""
    work: str = ""
    """A folder for lists and the like."""
    server_name: bool = False
    """The name is the server's to say (Content-Disposition)."""


class Tool:
    name = ""
    program = ""
    takes_digest = False

    def command(self, want: Want) -> list:
        raise NotImplementedError

    def version(self) -> str:
        text = subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout
        found = re.search(r"\d+\.\d+(\.\d+)?", text)
        return f"{self.name} {found.group() if found else '?'}"


class Parcel(Tool):
    name = "parcel"
    takes_digest = True

    def __init__(self, program: str):
        self.program = program

    def command(self, want: Want) -> list:
        start = [self.program, "-q", "-n", "4", "-d", want.out]
        if not want.md5:
            return start + [want.url]
        table = f"{want.work}/wanted.tsv"
        with open(table, "w") as file:
            file.write(f"url\tpath\tsize\tmd5\n{want.url}\t{want.name}\t{want.size}\t{want.md5}\n")
        return start + ["-m", table]


class Aria2(Tool):
    name = program = "aria2c"
    takes_digest = True

    def command(self, want: Want) -> list:
        options = ["--no-conf", "-q", "-c", "-x4", "-s4", "-k1M", "--max-tries=5", "--retry-wait=2", "--timeout=30",
                   "--file-allocation=none", "-d", want.out]
        if not want.server_name:
            options += ["-o", want.name]
        if want.md5:
            options.append(f"--checksum=md5={want.md5}")
        return [self.program] + options + [want.url]


class Axel(Tool):
    name = program = "axel"

    def command(self, want: Want) -> list:
        output = [] if want.server_name else ["-o", f"{want.out}/{want.name}"]
        return [self.program, "-q", "-n", "4", "-T", "30"] + output + [want.url]


class Lftp(Tool):
    name = program = "lftp"

    def command(self, want: Want) -> list:
        settings = ("set cmd:fail-exit yes; set xfer:clobber yes; set net:timeout 30; set net:max-retries 5; "
                    "set net:reconnect-interval-base 2; set xfer:disk-full-fatal yes; ")
        if want.server_name:
            return [self.program, "--norc", "-c", settings + f"set xfer:auto-rename yes; get {want.url}"]
        return [self.program, "--norc", "-c", settings + f"pget -c -n 4 {want.url} -o {want.out}/{want.name}"]


class Wget2(Tool):
    name = program = "wget2"
    takes_digest = True

    def command(self, want: Want) -> list:
        options = ["--no-config", "-q", "-c", "--tries=5", "--waitretry=2", "--read-timeout=30", "-P", want.out]
        if want.server_name:
            return [self.program] + options + ["--content-disposition", want.url]
        if want.md5 and want.metalink:
            return [self.program] + options + ["--metalink", want.metalink]
        return [self.program] + options + [want.url]


class Curl(Tool):
    name = program = "curl"

    def command(self, want: Want) -> list:
        options = ["-q", "-sSf", "--retry", "5", "--retry-all-errors", "--speed-limit", "1", "--speed-time", "30", "--output-dir", want.out]
        if want.server_name:
            return [self.program] + options + ["-OJ", want.url]
        return [self.program] + options + ["-C", "-", "-o", want.name, want.url]


class Rclone(Tool):
    name = program = "rclone"

    def command(self, want: Want) -> list:
        options = ["--config", "/dev/null", "-q", "--retries", "5", "--timeout", "30s"]
        if want.server_name:
            return [self.program, "copyurl"] + options + ["-a", "--header-filename", want.url, want.out]
        return [self.program, "copyurl"] + options + [want.url, f"{want.out}/{want.name}"]
