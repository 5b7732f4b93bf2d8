#!/usr/bin/env python3
"""Measures servers side by side on loopback and prints what each request costs them.

    Workerman.Net.Benchmarks/Referee/referee.py [http] [pipeline] [sse] [ws] [idle] [broadcast] [subscribers] [loops] [start]
                                                [https] [browser] [metered] [ws64k] [ws64k-deflate] [static] [upload]
                                                [http-512] [http-2048] [https-512] [ws-broadcast] [handshake]
                                                [--rounds 3] [--only ours,floor,kestrel] [--no-io-uring]

The figure is CPU microseconds of the server's whole process tree per request (event, message), with the server on
one core and the load client on another: unlike a rate it hardly moves when the machine is busy with something else,
and unlike a rate it is not the client that is measured. Each server is loaded until its figure is steady (up to a
minute), then every round takes all servers in turn; ratios are taken within a round and the median is printed. `floor` is
the machine's limit (floor.c), `kestrel` is ASP.NET Core.

Four works are of another kind. `broadcast` has one event for 10,000 streams at a time; ours publishes it to an event
stream, and Kestrel has no such thing; beside it are ours through Redis, nchan and pushpin where they are installed.
`subscribers` is the memory (proportional set size of the process tree) that each of those streams takes. `loops` is ours
alone, with one event loop and with two: a server with two needs two cores, so nobody is pinned there and the client shares
them, which both feel alike; then 1,000 connections are opened and counted by loop. `start` is the time from the start of the
process to its first answer, unpinned, the median of ten for each round, with the resident memory one second later;
`published` is the sample as `dotnet publish` makes it with -p:PublishReadyToRun=true, `single` as one file with the runtime's part,
trimmed and compiled beforehand, and `native` with -p:PublishAot=true; what the last two take on the disk is printed too.

`http-512`, `http-2048` and `https-512` are `http` and `https` with so many connections instead of 64. With --no-io-uring ours
does without it, as it has to in most containers.

`ws-broadcast` is a WebSocket message of 32 bytes for 10,000 clients at a time, by `floor` a send for each. `handshake` is a new
connection over TLS 1.3 with one request and no resumption, beside Kestrel and nginx, with a certificate for a P-256 key each; the
client is eight of OpenSSL's `s_time`.

`metered` is `http` by ours alone, beside the same while somebody listens to its meters.

`browser` is a GET with 14 header fields of a browser and a query, whose handler reads two fields and a cookie (browser.lua); the
floor answers it without a look at them. Three more are beside Kestrel alone. `https` is `http` over TLS 1.3, each connection
kept. `ws64k` and `ws64k-deflate` are 16 WebSocket clients whose messages of 64 KiB (lines of JSON that resemble each other) are
echoed as a whole, as they are or compressed; the client has its frame ready and looks at the heads of what comes back.

`static` stands for eight works beside nginx (sendfile on, no cache of open files), which is to be installed: files of 3, 30 and 300
KiB and a mix of five sizes, with 64 and with 512 connections (`static-30x512` is one of them). Nothing is compressed, and ours looks
for compressed copies all the same, as it does by default; `ours-plain` does not.

`upload` is CPU microseconds per MiB of bodies of 0.5 to 20 MB, 8 at once, beside Kestrel, which reads them as they come: ours kept
in memory and asked for their length, made one array, in temporary files, and read as they come. The rate is MiB a second.

Ours is started as
    dotnet Workerman.Net.Benchmarks/bin/Release/net10.0/Workerman.Net.Benchmarks.dll serve --port P --sse-interval-ms MS
with HTTP (and event streams) on P and a WebSocket echo on P+1, one event loop each; build the solution with -c Release
first. Needs Linux, gcc and wrk (Debian package wrk). Exit status 2 where something could not be run.
"""
import json, os, random, re, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, time, urllib.request, zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(tempfile.gettempdir(), "referee")
TICK = os.sysconf("SC_CLK_TCK")
NCHAN = """
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; worker_processes 1; worker_rlimit_nofile 60000; pid nchan.pid; error_log nchan.log crit;
events { worker_connections 30000; }
http {
  access_log off; nchan_shared_memory_size 256m;
  client_body_temp_path nchan.body; proxy_temp_path nchan.proxy; fastcgi_temp_path nchan.fast;
  uwsgi_temp_path nchan.uwsgi; scgi_temp_path nchan.scgi;
  server {
    listen 127.0.0.1:9320;
    location = /publish { nchan_publisher; nchan_channel_id all; nchan_message_timeout 5m; }
    location / { nchan_subscriber eventsource; nchan_channel_id all; nchan_subscriber_first_message newest; }
  }
}
"""
PUSHPIN = """
[global]
include={{libdir}}/internal.conf
rundir={folder}
ipc_prefix=referee-
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=9330
logdir={folder}
log_level=1
client_buffer_size=8192
client_maxconn=50000
[proxy]
routesfile=pushpin.routes
zurl_out_specs=ipc://{folder}/referee-zurl-in
zurl_out_stream_specs=ipc://{folder}/referee-zurl-in-stream
zurl_in_specs=ipc://{folder}/referee-zurl-out
[handler]
push_in_http_addr=127.0.0.1
push_in_http_port=5561
message_rate=10000000
message_hwm=10000000
connection_subscription_max=20
"""
MANY = {f"{scheme}-{conns}": (scheme, conns) for scheme, conns in (("http", 512), ("http", 2048), ("https", 512))}
SSE_MS, SSE_CONNS, IDLE_CONNS = 50, 1000, 10000
# One core keeps up with 10,000 events of 10 us in a fifth of this.
BROADCAST_MS, BROADCAST_CONNS = 500, 10000
# One core does not keep up with as many of pushpin's.
SLOWER = {"pushpin": 10}
LOOPS, LOOPS_CONNS, STARTS = 2, 1000, 10
WS_SIZE, WS_CONNS = 64 * 1024, 16
UPLOADS, UPLOAD_CONNS = ("memory", "array", "files", "streamed"), 8
FILE_SIZES = (3, 10, 30, 100, 300)
STATIC = {f"static-{size}x{conns}": (size, conns) for conns in (64, 512) for size in (3, 30, 300, "mix")}
NGINX = """
daemon off; master_process off; worker_rlimit_nofile 20000; pid nginx.pid; error_log nginx.log crit;
events { worker_connections 4096; }
http {
  types { text/javascript js; }
  access_log off; sendfile on; keepalive_requests 1000000000; keepalive_timeout 300;
  client_body_temp_path nginx.body; proxy_temp_path nginx.proxy; fastcgi_temp_path nginx.fast;
  uwsgi_temp_path nginx.uwsgi; scgi_temp_path nginx.scgi;
  server { listen 127.0.0.1:9340 backlog=4096; root files; }
  server {
    listen 127.0.0.1:9341 ssl backlog=4096; ssl_protocols TLSv1.3; ssl_certificate nginx.crt; ssl_certificate_key nginx.key;
    location / { return 200 "Hello, World!"; }
  }
}
"""
MIX = """
local sizes, n = {%s}, 0
request = function()
  n = n + 1
  return wrk.format("GET", "/" .. sizes[n %% #sizes + 1] .. ".js")
end
"""


def build():
    os.makedirs(CACHE, exist_ok=True)
    for name in ("floor", "netload"):
        src, out = f"{HERE}/{name}.c", f"{CACHE}/{name}"
        if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(src):
            subprocess.run(["gcc", "-O3", "-o", out, src], check=True)
    out = f"{CACHE}/kestrel/kestrel.dll"
    if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(f"{HERE}/kestrel/Program.cs"):
        work = f"{CACHE}/kestrel-src"
        subprocess.run(["rm", "-rf", work], check=True)
        subprocess.run(["cp", "-r", f"{HERE}/kestrel", work], check=True)
        subprocess.run(["dotnet", "build", "-c", "Release", "-v", "q", "-nologo", "-o", f"{CACHE}/kestrel", work],
                       check=True, stdout=subprocess.DEVNULL)


def publish():
    for name, how in (("published", ["--self-contained", "false", "-p:PublishReadyToRun=true"]),
                      ("single", ["--use-current-runtime", "--self-contained", "-p:PublishSingleFile=true", "-p:PublishTrimmed=true",
                                  "-p:PublishReadyToRun=true"]),
                      ("native", ["-p:PublishAot=true", "-p:CppCompilerAndLinker=gcc"])):
        subprocess.run(["dotnet", "publish", f"{ROOT}/samples/Sse", "-c", "Release", "-v", "q", "-nologo", *how,
                        "-o", f"{CACHE}/{name}"], check=True, stdout=subprocess.DEVNULL)
    for name in ("single", "native"):
        print(f"start     {name}: {os.path.getsize(f'{CACHE}/{name}/Sse') / 1e6:.1f} MB on the disk", flush=True)


def program(folder, name):
    return ["dotnet", f"{ROOT}/{folder}/bin/Release/net10.0/{name}.dll"]


def others(ours):
    """-> what else sends events to many subscribers, where it is installed: ours through Redis, nchan (nginx), pushpin. What
    publishes to them is part of their process tree, as our timer is of ours."""
    found = {}
    if shutil.which("redis-server"):
        found["ours-redis"] = (9307, 0, ["sh", "-c", "redis-server --port 9309 --bind 127.0.0.1 --save '' >/dev/null & sleep 1; "
                               f"exec {' '.join(ours)} serve --port 9307 --broadcast-ms {BROADCAST_MS} --redis 127.0.0.1:9309"])
    publisher = ["python3", f"{HERE}/publish.py", str(BROADCAST_MS)]
    if os.path.exists("/usr/lib/nginx/modules/ngx_nchan_module.so"):
        with open(f"{CACHE}/nchan.conf", "w") as f:
            f.write(NCHAN)
        found["nchan"] = (9320, 0, publisher + ["nchan", "9320", "nginx", "-p", CACHE, "-c", f"{CACHE}/nchan.conf"])
    if shutil.which("pushpin"):
        for name, text in (("conf", PUSHPIN.format(folder=CACHE)), ("routes", "* 127.0.0.1:9332\n")):
            with open(f"{CACHE}/pushpin.{name}", "w") as f:
                f.write(text)
        slow = publisher[:2] + [str(BROADCAST_MS * SLOWER["pushpin"])]
        found["pushpin"] = (9330, 0, slow + ["pushpin", "9332", "pushpin", f"--config={CACHE}/pushpin.conf"])
    return found


def make_files():
    os.makedirs(f"{CACHE}/files", exist_ok=True)
    draw = random.Random(3)
    for size in FILE_SIZES:
        with open(f"{CACHE}/files/{size}.js", "wb") as f:
            f.write(bytes(draw.choices(range(32, 127), k=size * 1024)))
    with open(f"{CACHE}/mix.lua", "w") as f:
        f.write(MIX % ", ".join(map(str, FILE_SIZES)))


def configure_nginx():
    with open(f"{CACHE}/nginx.conf", "w") as f:
        f.write(NGINX)
    if not os.path.exists(f"{CACHE}/nginx.crt"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365",
                        "-subj", "/CN=localhost", "-keyout", f"{CACHE}/nginx.key", "-out", f"{CACHE}/nginx.crt"],
                       check=True, stderr=subprocess.DEVNULL)
    return ["nginx", "-p", CACHE, "-c", f"{CACHE}/nginx.conf"]


def servers(work=None):
    ours = os.environ["OURS"].split() if "OURS" in os.environ else program("Workerman.Net.Benchmarks", "Workerman.Net.Benchmarks")
    if work in ("broadcast", "subscribers"):
        return {
            "floor": (9301, 9301, [f"{CACHE}/floor", "9301", str(BROADCAST_MS)]),
            "ours": (9305, 9306, ours + ["serve", "--port", "9305", "--broadcast-ms", str(BROADCAST_MS)]),
            **others(ours),
        }
    if work == "ws-broadcast":
        return {
            "floor": (9301, 9301, [f"{CACHE}/floor", "9301", str(BROADCAST_MS), "ws"]),
            "ours": (9305, 9306, ours + ["serve", "--port", "9305", "--ws-broadcast-ms", str(BROADCAST_MS)]),
        }
    if work == "handshake":
        return {
            "nginx": (9341, 0, configure_nginx()),
            "kestrel": (9303, 0, ["dotnet", f"{CACHE}/kestrel/kestrel.dll", "9303", str(SSE_MS), "tls"]),
            "ours": (9305, 0, ours + ["serve", "--port", "9305", "--tls"]),
        }
    if work in STATIC:
        make_files()
        own = ours + ["serve", "--files", f"{CACHE}/files", "--port"]
        return {
            "nginx": (9340, 0, configure_nginx()),
            "ours": (9305, 0, own + ["9305"]),
            "ours-plain": (9307, 0, own + ["9307", "--no-copies"]),
        }
    if work == "upload":
        forms = {f"ours-{form}": (port, 0, ours + ["serve", "--port", str(port), "--uploads", form])
                 for port, form in zip((9350, 9352, 9354, 9356), UPLOADS)}
        return {"kestrel": (9303, 0, ["dotnet", f"{CACHE}/kestrel/kestrel.dll", "9303"]), **forms}
    if work == "loops":
        return {f"{n}-loop": (9310 + 2 * n, 0, ours + ["serve", "--port", str(9310 + 2 * n), "--loops", str(n)]) for n in (1, LOOPS)}
    if work == "metered":
        return {
            "ours": (9305, 0, ours + ["serve", "--port", "9305"]),
            "metered": (9307, 0, ours + ["serve", "--port", "9307", "--metered"]),
        }
    if work == "start":
        return {
            "kestrel": (9303, 0, ["dotnet", f"{CACHE}/kestrel/kestrel.dll", "9303"]),
            "ours": (9305, 0, ours + ["serve", "--port", "9305"]),
            "sample": (8080, 0, program("samples/Sse", "Sse")),
            "published": (8080, 0, ["dotnet", f"{CACHE}/published/Sse.dll"]),
            "single": (8080, 0, [f"{CACHE}/single/Sse"]),
            "native": (8080, 0, [f"{CACHE}/native/Sse"]),
        }
    if work in ("https", "https-512", "browser", "ws64k", "ws64k-deflate"):
        theirs, own = {"https": (["tls"], ["--tls"]), "https-512": (["tls"], ["--tls"]), "browser": (["browser"], ["--browser"]), "ws64k": ([], []), "ws64k-deflate": (["deflate"], ["--deflate"])}[work]
        # The floor knows no TLS and no large messages; a browser's request it answers without a look at its fields.
        floor = {"floor": (9301, 9301, [f"{CACHE}/floor", "9301", str(SSE_MS)])} if work == "browser" else {}
        return floor | {
            "kestrel": (9303, 9303, ["dotnet", f"{CACHE}/kestrel/kestrel.dll", "9303", str(SSE_MS)] + theirs),
            "ours": (9305, 9306, ours + ["serve", "--port", "9305"] + own),
        }
    return {
        "floor": (9301, 9301, [f"{CACHE}/floor", "9301", str(SSE_MS)]),
        "kestrel": (9303, 9303, ["dotnet", f"{CACHE}/kestrel/kestrel.dll", "9303", str(SSE_MS)]),
        "ours": (9305, 9306, ours + ["serve", "--port", "9305", "--sse-interval-ms", str(SSE_MS)]),
    }


def tree(pid):
    pids = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in f.read().split():
                    pids += tree(int(child))
    except FileNotFoundError:
        pass
    return pids


def cpu_s(pid):
    total = 0
    for p in tree(pid):
        with open(f"/proc/{p}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def pss_kb(pid):
    total = 0
    for p in tree(pid):
        with open(f"/proc/{p}/smaps_rollup") as f:
            total += int(re.search(r"\nPss:\s+(\d+)", f.read()).group(1))
    return total


def rss_kb(pid):
    total = 0
    for p in tree(pid):
        with open(f"/proc/{p}/status") as f:
            total += int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    return total


class Server:
    def __init__(self, name, command, pinned=True):
        self.name = name
        self.log = open(f"{CACHE}/{name}.log", "w")
        self.process = subprocess.Popen((["taskset", "-c", "0"] if pinned else []) + command, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self.process.pid

    def __enter__(self):
        time.sleep(2)
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} did not start; see {CACHE}/{self.name}.log")
        return self

    def __exit__(self, *_):
        for pid in reversed(tree(self.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def wrk(port, seconds, script=None, pinned=True, scheme="http", path="", conns=64):
    command = (["taskset", "-c", "1"] if pinned else []) + ["wrk", "-t1", f"-c{conns}", f"-d{seconds}s"]
    if script:
        command += ["-s", script]
    out = subprocess.run(command + [f"{scheme}://127.0.0.1:{port}/{path}"], capture_output=True, text=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", out)
    if bad:
        raise RuntimeError(f"port {port}: {bad.group(0)}")
    return int(re.search(r"(\d+) requests in", out).group(1)), float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def netload(mode, port, conns, seconds, *more):
    client = subprocess.Popen(["taskset", "-c", "1", f"{CACHE}/netload", mode, str(port), str(conns), str(seconds), *more],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not client.stderr.readline().startswith("ready"):
        raise RuntimeError(f"port {port}: {client.communicate()[0].strip() or 'no connection'}")
    return client


def per_request(server, port, script, seconds=4, scheme="http", path="", conns=64):
    before = cpu_s(server.pid)
    n, rate = wrk(port, seconds, script, scheme=scheme, path=path, conns=conns)
    return (cpu_s(server.pid) - before) / n * 1e6, rate


def per_file(server, port, size, conns):
    if size == "mix":
        return per_request(server, port, f"{CACHE}/mix.lua", conns=conns)
    return per_request(server, port, None, path=f"{size}.js", conns=conns)


def per_event(server, port, mode, conns, seconds=5, more=()):
    client = netload(mode, port, conns, seconds, *more)
    before = cpu_s(server.pid)
    out = client.communicate()[0]
    used = cpu_s(server.pid) - before
    time.sleep(0.5)
    found = re.search(r"failed=(\d+) count=(\d+) .*rate=(\d+)", out)
    if not found or found.group(1) != "0" or found.group(2) == "0":
        raise RuntimeError(f"{server.name}: {out.strip()}")
    return used / int(found.group(2)) * 1e6, float(found.group(3))


def per_mebibyte(server, port, seconds=4):
    client = netload("upload", port, UPLOAD_CONNS, seconds)
    before = cpu_s(server.pid)
    # The line comes before the client lets go of what it has begun.
    out = client.stdout.readline()
    used = cpu_s(server.pid) - before
    client.communicate()
    time.sleep(0.5)
    found = re.search(r"failed=(\d+) count=(\d+)", out)
    if not found or found.group(1) != "0" or found.group(2) == "0":
        raise RuntimeError(f"{server.name}: {out.strip()}")
    mebibytes = int(found.group(2)) / 1048576
    return used / mebibytes * 1e6, mebibytes / seconds


def frame(deflate):
    """-> the path of a file with one masked text frame of WS_SIZE bytes, before they are compressed."""
    draw, lines = random.Random(64), []
    while sum(map(len, lines)) < WS_SIZE:
        lines.append('{"id":%d,"symbol":"%s","price":%.2f,"volume":%d,"open":true}\n'
                     % (draw.randrange(10**6), draw.choice(("MSFT", "AAPL", "AMZN", "GOOG")), draw.uniform(10, 900), draw.randrange(10**5)))
    payload = "".join(lines)[:WS_SIZE].encode()
    if deflate:
        compress = zlib.compressobj(6, zlib.DEFLATED, -15)
        # RFC 7692 section 7.2.1: without the empty block that ends a flush.
        payload = (compress.compress(payload) + compress.flush(zlib.Z_SYNC_FLUSH))[:-4]
    mask = b"\1\2\3\4"
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    length = struct.pack(">BH", 0x80 | 126, len(payload)) if len(payload) < 65536 else struct.pack(">BQ", 0x80 | 127, len(payload))
    path = f"{CACHE}/frame{'-deflate' if deflate else ''}"
    with open(path, "wb") as f:
        f.write(bytes([0xC1 if deflate else 0x81]) + length + mask + masked)
    return path


def per_message(server, port, deflate):
    return per_event(server, port, "wsfile", WS_CONNS, more=[frame(deflate)] + (["permessage-deflate"] if deflate else []))


def settle(measure):
    """Loads a server until its figure stops falling: a just-in-time compiler on one busy core takes its time."""
    best, flat = measure()[0], 0
    for _ in range(10):
        figure = measure()[0]
        flat = flat + 1 if figure > best * 0.97 else 0
        best = min(best, figure)
        if flat == 2:
            return


def bytes_per_idle(name, command, port):
    with Server(name, command) as s:
        netload("idle", port, 200, 1).communicate()
        time.sleep(1)
        before = rss_kb(s.pid)
        client = netload("idle", port, IDLE_CONNS, 4)
        time.sleep(3)
        after = rss_kb(s.pid)
        client.communicate()
        return (after - before) * 1024 / IDLE_CONNS, before


def bytes_per_subscriber(name, command, port):
    with Server(name, command) as s:
        netload("sse", port, 200, 1).communicate()
        time.sleep(1)
        before = pss_kb(s.pid)
        client = netload("sse", port, BROADCAST_CONNS, 8)
        time.sleep(7)
        after = pss_kb(s.pid)
        out, _ = client.communicate()
        if f"conns={BROADCAST_CONNS} failed=0" not in out:
            raise RuntimeError(f"{name}: {out.strip()}")
        return (after - before) * 1024 / BROADCAST_CONNS, before


def per_delivery(server, port, mode="sse"):
    slower = SLOWER.get(server.name, 1)
    seconds = 5 if slower == 1 else 25
    client = netload(mode, port, BROADCAST_CONNS, seconds)
    before = cpu_s(server.pid)
    # The line comes before the client lets go of its connections, whose closing is not to be counted.
    out = client.stdout.readline()
    used = cpu_s(server.pid) - before
    client.communicate()
    time.sleep(1)
    found = re.search(r"conns=(\d+) failed=(\d+) count=(\d+) .*rate=(\d+)", out)
    if not found or found.group(1) != str(BROADCAST_CONNS) or found.group(2) != "0" or found.group(3) == "0":
        raise RuntimeError(f"{server.name}: {out.strip()}")
    wanted = BROADCAST_CONNS * 1000 / BROADCAST_MS / slower
    if float(found.group(4)) < 0.85 * wanted:
        raise RuntimeError(f"{server.name} does not keep up: {found.group(4)} events/s of {wanted:.0f}")
    return used / int(found.group(3)) * 1e6, float(found.group(4))


def per_handshake(server, port, seconds=4):
    before = cpu_s(server.pid)
    ask = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-www", "/", "-time", str(seconds)]
    clients = [subprocess.Popen(["taskset", "-c", "1", *ask], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for _ in range(8)]
    outs = [client.communicate()[0] for client in clients]
    used = cpu_s(server.pid) - before
    counts = [re.search(r"(\d+) connections in \d+ real seconds, (\d+) bytes", out) for out in outs]
    if not all(found and int(found.group(1)) > 0 and int(found.group(2)) > 13 for found in counts):
        raise RuntimeError(f"{server.name}: {outs[0].strip()[-200:]}")
    total = sum(int(found.group(1)) for found in counts)
    return used / total * 1e6, total / seconds


def shared_per_request(server, port, seconds=4):
    before = cpu_s(server.pid)
    n, rate = wrk(port, seconds, pinned=False)
    return (cpu_s(server.pid) - before) / n * 1e6, rate


def largest_share(port):
    """Of the connections, the part that is on the loop that has most, as a multiple of an even share."""
    client = netload("idle", port, LOOPS_CONNS, 3)
    time.sleep(1)
    ask = urllib.request.Request(f"http://127.0.0.1:{port}/loops", headers={"Accept": "application/json"})
    with urllib.request.urlopen(ask, timeout=5) as answer:
        loops = json.load(answer)
    client.communicate()
    time.sleep(0.5)
    if sum(loops) < LOOPS_CONNS:
        raise RuntimeError(f"port {port}: {sum(loops)} connections of {LOOPS_CONNS}")
    return max(loops) * len(loops) / sum(loops)


def shares(rounds):
    name, (port, _, command) = list(servers("loops").items())[-1]
    with Server(name, command, pinned=False):
        return [largest_share(port) for _ in range(rounds)]


def first_answer(name, command, port):
    """-> milliseconds from the start of the process to the first byte of an answer, and MiB one second later."""
    with open(f"{CACHE}/{name}.log", "w") as log:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as s:
                    s.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                    if s.recv(4096).startswith(b"HTTP/1.1 200 "):
                        break
                    raise RuntimeError(f"{name} gave a wrong answer")
            except ConnectionError:
                if process.poll() is not None or time.perf_counter() - begin > 20:
                    raise RuntimeError(f"{name} did not start; see {CACHE}/{name}.log")
                time.sleep(0.0005)
        took = (time.perf_counter() - begin) * 1000
        time.sleep(1)
        return took, rss_kb(process.pid) / 1024
    finally:
        process.kill()
        process.wait()


def starts(name, command, port):
    figures = [first_answer(name, command, port) for _ in range(STARTS)]
    return tuple(statistics.median(f[i] for f in figures) for i in (0, 1))


WORK = {
    "http": ("us/request", lambda s, port, ws_port: per_request(s, port, None)),
    "pipeline": ("us/request", lambda s, port, ws_port: per_request(s, port, f"{HERE}/pipeline.lua")),
    "sse": ("us/event", lambda s, port, ws_port: per_event(s, port, "sse", SSE_CONNS)),
    "ws": ("us/message", lambda s, port, ws_port: per_event(s, ws_port, "ws", 64)),
    "metered": ("us/request", lambda s, port, ws_port: per_request(s, port, None)),
    "https": ("us/request", lambda s, port, ws_port: per_request(s, port, None, scheme="https")),
    "browser": ("us/request", lambda s, port, ws_port: per_request(s, port, f"{HERE}/browser.lua")),
    "ws64k": ("us/message", lambda s, port, ws_port: per_message(s, ws_port, False)),
    "ws64k-deflate": ("us/message", lambda s, port, ws_port: per_message(s, ws_port, True)),
    **{name: ("us/request", lambda s, port, ws_port, work=work: per_file(s, port, *work)) for name, work in STATIC.items()},
    **{name: ("us/request", lambda s, port, ws_port, many=many: per_request(s, port, None, scheme=many[0], conns=many[1]))
       for name, many in MANY.items()},
    "upload": ("us/MiB", lambda s, port, ws_port: per_mebibyte(s, port)),
    "idle": ("bytes/connection", None),
    "broadcast": ("us/event", lambda s, port, ws_port: per_delivery(s, port)),
    "subscribers": ("bytes/stream", None),
    "ws-broadcast": ("us/message", lambda s, port, ws_port: per_delivery(s, ws_port, "wsin")),
    "handshake": ("us/handshake", lambda s, port, ws_port: per_handshake(s, port)),
    "loops": ("us/request", lambda s, port, ws_port: shared_per_request(s, port)),
    "start": ("ms", None),
}


def measured(work, rounds, only, more=()):
    """-> {server: [(figure, rate), ...]}, and the problems met. All servers run throughout, one loaded at a time."""
    table, problems, running = {}, [], {}
    chosen = {name: (port, ws_port, command + list(more) if "serve" in command else command)
              for name, (port, ws_port, command) in servers(work).items() if not only or work == "loops" or name in only}
    try:
        for name, (port, ws_port, command) in chosen.items():
            try:
                if work == "idle":
                    table[name] = [bytes_per_idle(name, command, port) for _ in range(rounds)]
                    continue
                if work == "subscribers":
                    table[name] = [bytes_per_subscriber(name, command, port) for _ in range(rounds)]
                    continue
                if work == "start":
                    table[name] = [starts(name, command, port) for _ in range(rounds)]
                    continue
                running[name] = Server(name, command, pinned=work != "loops").__enter__()
                settle(lambda: WORK[work][1](running[name], port, ws_port))
            except Exception as problem:
                problems.append(f"{work} {name}: {problem}")
        for _ in range(rounds if running else 0):
            for name, server in running.items():
                try:
                    figure = WORK[work][1](server, *chosen[name][:2])
                    table.setdefault(name, []).append(figure)
                except Exception as problem:
                    problems.append(f"{work} {name}: {problem}")
    finally:
        for server in running.values():
            server.__exit__()
    return table, problems


def main(argv):
    rounds, only = 3, None
    if "--rounds" in argv:
        i = argv.index("--rounds"); rounds = int(argv[i + 1]); del argv[i:i + 2]
    if "--only" in argv:
        i = argv.index("--only"); only = argv[i + 1].split(","); del argv[i:i + 2]
    more = ["--no-io-uring"] if "--no-io-uring" in argv else []
    argv = [one for one in argv if one not in more]
    build()
    failed = False
    works = [one for work in argv or WORK for one in (STATIC if work == "static" else [work])]
    if "start" in works:
        publish()
    for work in works:
        table, problems = measured(work, rounds, only, more)
        for problem in problems:
            print(problem, flush=True)
        failed |= bool(problems)
        for name, figures in table.items():
            middle, other = (statistics.median(f[i] for f in figures) for i in (0, 1))
            print(f"{work:9s} {name:8s} {middle:10.2f} {WORK[work][0]}  "
                  + (f"base {other / 1024:.1f} MiB" if work in ("idle", "subscribers") else f"{other:8.1f} MiB" if work == "start"
                     else f"{other:12.0f}/s"), flush=True)
        if work == "loops" and len(table) == 2:
            one, more = table.values()
            print(f"{work:9s} {LOOPS}/1 = {statistics.median(a[0] / b[0] for a, b in zip(more, one)):.2f}", flush=True)
            print(f"{work:9s} largest share of {LOOPS_CONNS} connections = {max(shares(rounds)):.2f} x even", flush=True)
        for own, peer in (("ours", "floor"), ("ours", "kestrel"), ("ours", "metered"), ("ours", "nginx"), ("ours-plain", "nginx"),
                          *((f"ours-{form}", "kestrel") for form in UPLOADS)):
            pairs = list(zip(table.get(own, []), table.get(peer, [])))
            if len(pairs) == rounds and not (work in ("idle", "subscribers") and peer == "floor"):
                print(f"{work:9s} {own}/{peer} = {statistics.median(a[0] / b[0] for a, b in pairs):.2f}", flush=True)
    return 2 if failed else 0


if __name__ == "__main__":
    # Told to end, it ends its servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    sys.exit(main(sys.argv[1:]))
