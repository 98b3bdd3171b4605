"""A member of the platform in Python, with nothing but the standard library.

Settings from the config server, registration and heartbeats at the registry, a health path, a clean stop.
"""
import json
import os
import signal
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "people"
PORT = int(os.environ.get("PORT", "4001"))
REGISTRY = os.environ.get("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE", "http://127.0.0.1:8761/eureka/")
CONFIG = os.environ.get("CONFIG_SERVER", "")
INSTANCE = f"127.0.0.1:{NAME}:{PORT}"
RENEWAL_SECONDS = 30


def call(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()


def settings():
    """All properties of this service; of those with the same name the first source's counts."""
    if CONFIG == "":
        return {}
    environment = json.loads(call("GET", f"{CONFIG}/{NAME}/default"))
    merged = {}
    for source in reversed(environment["propertySources"]):
        merged.update(source["source"])
    return merged


def register():
    call("POST", f"{REGISTRY}apps/{NAME}", {"instance": {
        "instanceId": INSTANCE, "app": NAME.upper(), "vipAddress": NAME, "hostName": "127.0.0.1",
        "ipAddr": "127.0.0.1", "status": "UP", "port": {"$": PORT, "@enabled": "true"},
        "healthCheckUrl": f"http://127.0.0.1:{PORT}/health",
        "leaseInfo": {"renewalIntervalInSecs": RENEWAL_SECONDS, "durationInSecs": 90},
        "dataCenterInfo": {"@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn"}}})


def keep_registered(stopping):
    """A registry that does not know us, because it was away or is new, is told again; one that is away is asked again."""
    known = False
    while True:
        try:
            if not known:
                register()
                known = True
            else:
                call("PUT", f"{REGISTRY}apps/{NAME}/{INSTANCE}")
        except urllib.error.HTTPError as error:
            known = known and error.code != 404
        except OSError:
            pass
        if stopping.wait(RENEWAL_SECONDS if known else 1):
            return


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, {"status": "UP"})
        if self.path.startswith("/people/"):
            return self.answer(200, {"id": self.path[len("/people/"):], "greeting": PROPERTIES.get("greeting", "hello")})
        return self.answer(404, {"title": "There is no such thing", "status": 404})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


PROPERTIES = settings()
server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
stopping = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopping.set())
threading.Thread(target=server.serve_forever, daemon=True).start()
keep_registered(stopping)
# Out of the registry first: callers go elsewhere while the rest is finished.
try:
    call("DELETE", f"{REGISTRY}apps/{NAME}/{INSTANCE}")
except OSError:
    pass
server.shutdown()
