#!/usr/bin/env python3
"""Starts a server of event streams and publishes an event to it every so many milliseconds, for referee.py.

    publish.py MS nchan PORT COMMAND...      POST to http://127.0.0.1:PORT/publish
    publish.py MS pushpin PORT COMMAND...    POST to pushpin's control port 5561; and be the origin behind it, at PORT,
                                             which answers each subscriber with what holds its connection (GRIP)
"""
import http.client, http.server, json, subprocess, sys, threading, time

interval, kind, port, command = int(sys.argv[1]) / 1000, sys.argv[2], int(sys.argv[3]), sys.argv[4:]


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 4096


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        for name, value in (("Content-Type", "text/event-stream"), ("Grip-Hold", "stream"), ("Grip-Channel", "all"),
                            ("Content-Length", "0")):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


if kind == "pushpin":
    server = Server(("127.0.0.1", port), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
child = subprocess.Popen(command)
time.sleep(1)
if kind == "nchan":
    at, path, body = port, "/publish", "hello"
else:
    at, path = 5561, "/publish/"
    body = json.dumps({"items": [{"channel": "all", "formats": {"http-stream": {"content": "event: message\ndata: hello\n\n"}}}]})
connection = http.client.HTTPConnection("127.0.0.1", at)
following = time.monotonic()
while child.poll() is None:
    connection.request("POST", path, body)
    connection.getresponse().read()
    following += interval
    time.sleep(max(0, following - time.monotonic()))
