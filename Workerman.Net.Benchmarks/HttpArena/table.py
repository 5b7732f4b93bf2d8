#!/usr/bin/env python3
"""Makes the arena's table: what each request of a profile costs ours, Kestrel, and for static files nginx.

    Workerman.Net.Benchmarks/HttpArena/table.py --arena FOLDER --gcannon PROGRAM [--rounds 3] [--seconds 3] [profile ...]

FOLDER is a clone of https://github.com/MDA2AV/HttpArena, whose requests and data are used, PROGRAM its load generator, built from
https://github.com/MDA2AV/gcannon (needs liburing 2.4 or later); static and json-tls are loaded by wrk, as the arena does. A profile
may have its connections behind a colon: pipelined:512.

The figure is CPU microseconds of the server's process tree a request (upload: a MiB), with the server on one core and the load
generator on another, as in Referee/referee.py, of which this takes its tools. Ratios are taken within a round, and the medians of the
rounds are printed. `static` has gzip copies alone (nginx as Debian builds it has no Brotli), so that ours and nginx send the same.

Build the solution with -c Release first. Exit status 2 where something could not be run.
"""
import argparse, os, re, shutil, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Referee"))
import referee
from referee import CACHE, Server, cpu_s, settle

OURS, KESTREL, NGINX_PORT = 9410, 9412, 9414
SIZES = {"500k": 500 * 1024, "2m": 2 << 20, "10m": 10 << 20, "20m": 20 << 20}
PROFILES = {
    "baseline": (64, 512), "pipelined": (64, 512), "limited-conn": (64, 512), "json": (64, 512), "json-comp": (64, 512),
    "json-tls": (64, 512), "echo-ws": (64, 512), "static": (64, 512), "upload": (8,),
}
NGINX = """
daemon off; master_process off; worker_rlimit_nofile 20000; pid arena.pid; error_log arena.log crit;
events {{ worker_connections 4096; }}
http {{
  include /etc/nginx/mime.types;
  access_log off; sendfile on; gzip_static on; keepalive_requests 1000000000; keepalive_timeout 300;
  client_body_temp_path nginx.body; proxy_temp_path nginx.proxy; fastcgi_temp_path nginx.fast;
  uwsgi_temp_path nginx.uwsgi; scgi_temp_path nginx.scgi;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {data}; }}
}}
"""


def prepare(arena):
    """-> the data folder: the arena's, without Brotli; and requests of the arena's sizes, which its repository does not keep."""
    os.makedirs(CACHE, exist_ok=True)
    data = f"{CACHE}/arena"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(f"{arena}/data/static", f"{data}/static", ignore=shutil.ignore_patterns("*.br"), copy_function=shutil.copy)
    shutil.copy(f"{arena}/data/dataset.json", data)
    # A copy that is older than its file is not sent: all have one time.
    for name in os.listdir(f"{data}/static"):
        os.utime(f"{data}/static/{name}", (1e9, 1e9))
    for name, size in SIZES.items():
        with open(f"{data}/upload-{name}.raw", "wb") as f:
            f.write(f"POST /upload HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: {size}\r\n\r\n".encode() + os.urandom(size))
    with open(f"{CACHE}/arena.conf", "w") as f:
        f.write(NGINX.format(port=NGINX_PORT, data=data))
    return data


def build():
    out, source = f"{CACHE}/arena-kestrel", f"{CACHE}/arena-kestrel-src"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(f"{HERE}/kestrel", source, ignore=shutil.ignore_patterns("bin", "obj"))
    shutil.copy(f"{HERE}/Dataset.cs", source)
    subprocess.run(["dotnet", "build", "-c", "Release", "-v", "q", "-nologo", "-o", out, source], check=True,
                   stdout=subprocess.DEVNULL)
    return ["dotnet", f"{out}/kestrel.dll"]


def servers(profile, kestrel):
    addresses = lambda port: [f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port + 1}"]
    found = {"ours": (OURS, referee.program("Workerman.Net.Benchmarks/HttpArena", "HttpArena") + addresses(OURS))}
    if profile == "static":
        found["nginx"] = (NGINX_PORT, ["nginx", "-p", CACHE, "-c", f"{CACHE}/arena.conf"])
    else:
        found["kestrel"] = (KESTREL, kestrel + addresses(KESTREL))
    return found


class Load:
    def __init__(self, arena, gcannon, data, seconds):
        self.requests, self.gcannon, self.data, self.seconds = f"{arena}/requests", gcannon, data, seconds

    def raw(self, *names):
        return ["--raw", ",".join(f"{self.requests}/{name}.raw" for name in names)]

    def arguments(self, profile):
        """-> what gcannon is told behind the address, as the arena's scripts/lib/tools/gcannon.sh tells it."""
        mixed = self.raw("get", "post_cl", "post_chunked")
        return {
            "baseline": mixed,
            "limited-conn": mixed + ["-r", "10"],
            "pipelined": ["-p", "16"],
            "json": self.raw(*(f"json-{n}" for n in (1, 5, 10, 15, 25, 40, 50))) + ["-r", "25"],
            "json-comp": self.raw(*(f"json-gzip-{n}" for n in (25, 40, 50))) + ["-r", "25"],
            "upload": ["--raw", ",".join(f"{self.data}/upload-{name}.raw" for name in SIZES), "-r", "5"],
            "echo-ws": ["--ws"],
        }[profile]

    def count(self, profile, port, conns):
        """Loads a server. -> how many requests it has answered; of upload, how many MiB."""
        if profile == "static":
            return referee.wrk(port, self.seconds, f"{self.requests}/static-rotate.lua", conns=conns)[0]
        if profile == "json-tls":
            return referee.wrk(port + 1, self.seconds, f"{self.requests}/json-tls-rotate.lua", scheme="https", conns=conns)[0]
        path = {"pipelined": "/pipeline", "echo-ws": "/ws"}.get(profile, "")
        out = subprocess.run(["taskset", "-c", "1", self.gcannon, f"http://127.0.0.1:{port}{path}", "-c", str(conns), "-t", "1",
                              "-d", f"{self.seconds}s"] + self.arguments(profile), capture_output=True, text=True).stdout
        if profile == "echo-ws":
            return int(re.search(r"(\d+) frames received", out).group(1))
        right, *wrong = map(int, re.search(r"2xx=(\d+), 3xx=(\d+), 4xx=(\d+), 5xx=(\d+)", out).groups())
        if any(wrong):
            raise RuntimeError(f"port {port}: {out[out.index('Status codes'):].splitlines()[0]}")
        if profile != "upload":
            return right
        counts = re.search(r"Per-template-ok: (\S+)", out).group(1).split(",")
        return sum(int(n) * size for n, size in zip(counts, SIZES.values())) / (1 << 20)

    def cost(self, server, profile, port, conns):
        before = cpu_s(server.pid)
        count = self.count(profile, port, conns)
        return (cpu_s(server.pid) - before) / count * 1e6, count / self.seconds


def measured(profile, conns, load, kestrel, rounds):
    """-> {server: [figure, ...]}. All run throughout, one loaded at a time."""
    running, table = {}, {}
    try:
        for name, (port, command) in servers(profile, kestrel).items():
            running[name] = (Server(f"arena-{name}", command).__enter__(), port)
            settle(lambda: load.cost(running[name][0], profile, port, conns))
        for _ in range(rounds):
            for name, (server, port) in running.items():
                table.setdefault(name, []).append(load.cost(server, profile, port, conns)[0])
    finally:
        for server, _ in running.values():
            server.__exit__()
    return table


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--arena", required=True)
    parser.add_argument("--gcannon", default="gcannon")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("profiles", nargs="*")
    options = parser.parse_args()
    arena = os.path.abspath(options.arena)
    data, kestrel = prepare(arena), build()
    os.environ.update(DATA=data, CERTS=f"{arena}/certs")
    load, status = Load(arena, options.gcannon, data, options.seconds), 0
    print("| profile, connections | ours | beside | ours / beside |\n|---|---|---|---|", flush=True)
    for wanted in options.profiles or PROFILES:
        profile, _, conns = wanted.partition(":")
        for n in [int(conns)] if conns else PROFILES[profile]:
            try:
                table = measured(profile, n, load, kestrel, options.rounds)
            except Exception as problem:
                print(f"{profile} {n}: {problem}", file=sys.stderr, flush=True)
                status = 2
                continue
            other = next(name for name in table if name != "ours")
            ratio = statistics.median(a / b for a, b in zip(table["ours"], table[other]))
            middle = {name: statistics.median(figures) for name, figures in table.items()}
            print(f"| {profile}, {n} | {middle['ours']:.1f} | {other} {middle[other]:.1f} | {ratio:.2f} |", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
