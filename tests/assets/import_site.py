"""A web site with files, detours and bad manners, to fetch imports from."""

import gzip
import http.server
import time

BODY = bytes(range(256)) * 400


class Site(http.server.BaseHTTPRequestHandler):
    """Serve files, detours and bad manners by path; HTTP/1.1, so that lengths and chunks count."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        name, _, rest = self.path[1:].partition("/")
        getattr(self, f"send_{name}")(rest)

    def send_file(self, rest):
        self.answer(200, {"Content-Type": "Image/PNG; charset=x", "Content-Length": len(BODY)}, BODY)

    def send_chunks(self, rest):
        body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (BODY[:10], BODY[10:]))
        self.answer(200, {"Transfer-Encoding": "chunked"}, body + b"0\r\n\r\n")

    def send_status(self, rest):
        self.answer(int(rest), {"Content-Length": 0})

    def send_to(self, rest):
        self.answer(302, {"Location": rest.replace("|", "/"), "Content-Length": 0})

    def send_loop(self, rest):
        self.answer(307, {"Location": f"/loop/{int(rest or 0) + 1}", "Content-Length": 0})

    def send_nowhere(self, rest):
        self.answer(301, {"Content-Length": 0})

    def send_packed(self, rest):
        body = gzip.compress(bytes(10_000_000))
        self.answer(200, {"Content-Encoding": "gzip", "Content-Length": len(body)}, body)

    def send_promise(self, rest):
        self.answer(200, {"Content-Length": 10**12})

    def send_endless(self, rest):
        self.answer(200, {})
        self.trickle(bytes(65_536), 0)

    def send_slow(self, rest):
        self.answer(200, {"Content-Length": 10_000})
        self.trickle(b"x", 0.05)

    def send_slowhead(self, rest):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        self.trickle(b"x", 0.05)

    def send_early(self, rest):
        self.trickle(b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.01)

    def send_half(self, rest):
        self.answer(200, {"Content-Length": len(BODY)}, BODY[:100])

    def send_nonsense(self, rest):
        self.wfile.write(b"220 smtp.example ESMTP\r\n")

    def send_nothing(self, rest):
        pass

    def answer(self, status, headers, body=b""):
        self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def trickle(self, piece, pause):
        self.close_connection = True
        try:
            while not self.server.is_over.is_set():
                self.wfile.write(piece)
                time.sleep(pause)
        except OSError:
            return

    def log_message(self, *arguments):
        pass
