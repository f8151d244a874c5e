"""Fetches what somebody's import URL names, and never anything inside the house.

A name is resolved once for each connection, every address of it must be public, and the connection goes to an
address that was checked: what the name says a moment later no longer matters. Redirects pass the same gate again.
httpx reads the addresses; its engine httpcore makes the connections, because it takes the network as a value.
"""

import hashlib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import httpcore
import httpx

Resolve = Callable[[str, int], Sequence[str]]

WEB_PORTS = frozenset((80, 443))
MAX_URL_CHARACTERS = 2000
MAX_REDIRECTS = 5
MAX_ADDRESSES = 4
CONNECT_SECONDS = 10.0
REDIRECTS = frozenset((301, 302, 303, 307, 308))
UNUSABLE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
# 0x7f000001, 127.1 and 2130706433 are old ways to write an IPv4 address, and a way around lists of hosts.
NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
# Not said to be private everywhere: protocol assignments (Oracle's metadata are there), old 6to4 relays, and the
# address that answers with a machine's secrets inside Azure.
INSIDE_V4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
# Teredo and 6to4 carry another address inside them; 3fff is for documentation.
TUNNELS = tuple(map(ipaddress.IPv6Network, ("2001::/32", "2002::/16", "3fff::/20")))

SENTENCES = {
    "url_invalid": "This is not an address that can be fetched.",
    "url_too_long": "The address has more than {limit} characters.",
    "scheme_refused": "Addresses that begin with {scheme}: are not fetched.",
    "userinfo_refused": "The address holds a user name or password.",
    "port_refused": "Port {port} is not fetched from.",
    "host_refused": "The host {host} is written as a number.",
    "host_not_found": "The host {host} was not found.",
    "address_refused": "The host {host} is not on the public internet.",
    "connection_failed": "No connection to {host} could be made.",
    "tls_failed": "The connection to {host} is not secure: its certificate does not hold.",
    "too_many_redirects": "The address leads on more than {limit} times.",
    "status_refused": "The server of {host} answered with status {status}.",
    "encoding_refused": "The server of {host} sent the file packed ({encoding}), which was not asked for.",
    "too_many_bytes": "The file has more than {limit} bytes.",
    "timed_out": "The file was not complete after {seconds} seconds.",
    "interrupted": "The server of {host} stopped before the file was complete.",
}


class FetchError(Exception):
    """Say why a URL was not fetched. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Describe a file that arrived whole. `content_type` is what the server claims, in lower case without options."""

    final_url: str
    content_type: str
    size: int
    sha256: str


def fetch(
    url: str,
    file: BinaryIO,
    *,
    max_bytes: int,
    timeout_seconds: float,
    allow_http: bool = False,
    allow_ports: frozenset[int] = WEB_PORTS,
    allow_addresses: frozenset[str] = frozenset(),
    resolve: Resolve | None = None,
    ssl_context: ssl.SSLContext | None = None,
    on_size: Callable[[int], None] | None = None,
) -> Fetched:
    """Write what a URL names into an open file and return what came. Raises FetchError; the file then holds a part.

    `timeout_seconds` counts from the first look-up to the last byte. `allow_addresses` lets connections go to these
    addresses although they are not public. `on_size` is told how many bytes the server promises, if it does.
    """
    network = _CheckedNetwork(_Clock(end=time.monotonic() + timeout_seconds), allow_addresses, resolve or resolve_host)
    context = ssl_context or httpx.create_ssl_context(trust_env=False)
    check = partial(check_url, allow_http=allow_http, allow_ports=allow_ports)
    with httpcore.ConnectionPool(ssl_context=context, network_backend=network, max_keepalive_connections=0) as pool:
        try:
            return _follow(pool, check, url, partial(_save, file=file, max_bytes=max_bytes, on_size=on_size))
        except httpcore.TimeoutException as error:
            raise FetchError("timed_out", seconds=round(timeout_seconds)) from error


def check_url(url: str, *, allow_http: bool = False, allow_ports: frozenset[int] = WEB_PORTS) -> httpx.URL:
    """Return a URL that may be looked up, without its fragment. Raises FetchError; asks no network."""
    parsed = _read_url(url.strip(" \t\r\n"))
    if parsed.scheme not in (("https", "http") if allow_http else ("https",)):
        raise FetchError("scheme_refused", scheme=parsed.scheme[:20])
    if parsed.userinfo or "@" in url.partition("//")[2].partition("/")[0]:
        raise FetchError("userinfo_refused")
    _check_host(parsed.raw_host.decode("ascii"))
    if _port(parsed) not in allow_ports:
        raise FetchError("port_refused", port=_port(parsed))
    return parsed


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the system knows them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Tell whether an IP address is one host on the public internet, and not another address in disguise."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed not in GLOBAL_V6 or any(parsed in tunnel for tunnel in TUNNELS):
            return False
    elif any(parsed in network for network in INSIDE_V4):
        return False
    return parsed.is_global and not parsed.is_multicast


def _read_url(url: str) -> httpx.URL:
    if len(url) > MAX_URL_CHARACTERS:
        raise FetchError("url_too_long", limit=MAX_URL_CHARACTERS)
    try:
        parsed = httpx.URL(url).copy_with(fragment=None)
        # A name that cannot be shown to people must fail here, not in the middle of a sentence about it.
        is_absolute = bool(parsed.scheme) and parsed.host is not None
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError("url_invalid") from error
    if UNUSABLE.search(url) or not is_absolute:
        raise FetchError("url_invalid")
    return parsed


def _check_host(host: str) -> None:
    try:
        if getattr(ipaddress.ip_address(host), "scope_id", None):
            raise FetchError("url_invalid")
    except ValueError:
        if NUMBER.fullmatch(host):
            raise FetchError("host_refused", host=host[:100]) from None
        if len(host) > 253 or not HOST.fullmatch(host):
            raise FetchError("url_invalid") from None


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else (443 if url.scheme == "https" else 80)


def _follow(
    pool: httpcore.ConnectionPool, check: Callable[[str], httpx.URL], url: str, save: Callable[..., Fetched]
) -> Fetched:
    for _ in range(MAX_REDIRECTS + 1):
        target = check(url)
        with _answer(pool, target) as response:
            if response.status not in REDIRECTS:
                return save(response, target)
            url = _next_url(target, response)
    raise FetchError("too_many_redirects", limit=MAX_REDIRECTS)


@contextmanager
def _answer(pool: httpcore.ConnectionPool, url: httpx.URL) -> Iterator[httpcore.Response]:
    """Ask for a URL and give its answer, with every way to fail under our own names."""
    headers = [
        (b"Host", url.netloc),
        (b"User-Agent", b"Daicho"),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
    ]
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    try:
        with pool.stream("GET", target, headers=headers) as response:
            yield response
    except httpcore.ConnectError as error:
        is_tls = isinstance(error.__cause__, ssl.SSLError) or isinstance(error.__context__, ssl.SSLError)
        raise FetchError("tls_failed" if is_tls else "connection_failed", host=url.host) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise FetchError("interrupted", host=url.host) from error


def _next_url(url: httpx.URL, response: httpcore.Response) -> str:
    place = _header(response, b"location")
    try:
        return str(url.join(place)) if place else ""
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError("url_invalid") from error


def _save(
    response: httpcore.Response,
    url: httpx.URL,
    *,
    file: BinaryIO,
    max_bytes: int,
    on_size: Callable[[int], None] | None,
) -> Fetched:
    if response.status != 200:
        raise FetchError("status_refused", host=url.host, status=response.status)
    encoding = _header(response, b"content-encoding").lower()
    if encoding not in ("", "identity"):
        raise FetchError("encoding_refused", host=url.host, encoding=encoding[:40])
    promised = _header(response, b"content-length")
    if promised.isdecimal():
        _promise(int(promised[:20]), max_bytes, on_size)
    digest, size = hashlib.sha256(), 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > max_bytes:
            raise FetchError("too_many_bytes", limit=max_bytes)
        digest.update(chunk)
        file.write(chunk)
    content_type = _header(response, b"content-type").partition(";")[0].strip().lower()[:100]
    return Fetched(final_url=str(url), content_type=content_type, size=size, sha256=digest.hexdigest())


def _promise(size: int, max_bytes: int, on_size: Callable[[int], None] | None) -> None:
    if size > max_bytes:
        raise FetchError("too_many_bytes", limit=max_bytes)
    if on_size is not None:
        on_size(size)


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1").strip() for key, value in response.headers if key.lower() == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    end: float

    def left(self) -> float:
        """Return the seconds that are left. Raises httpcore.ReadTimeout when there are none."""
        seconds = self.end - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("The time for the whole file is over.")
        return seconds


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connect to public addresses only, and let no single step outlast the clock."""

    def __init__(self, clock: _Clock, allowed: frozenset[str], resolve: Resolve) -> None:
        self.clock = clock
        self.allowed = allowed
        self.resolve = resolve
        self.sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        addresses = self._look_up(host, port)
        if not all(address in self.allowed or is_public(address) for address in addresses):
            raise FetchError("address_refused", host=host)
        failure: Exception | None = None
        for address in addresses[:MAX_ADDRESSES]:
            try:
                stream = self.sockets.connect_tcp(address, port, min(CONNECT_SECONDS, self.clock.left()))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self.clock)
        self.clock.left()
        if failure is None:
            raise FetchError("host_not_found", host=host)
        raise httpcore.ConnectError(str(failure)) from failure

    def _look_up(self, host: str, port: int) -> Sequence[str]:
        # The system's look-up knows no time limit, so it gets a thread that may be left behind.
        waiter = ThreadPoolExecutor(1)
        try:
            return waiter.submit(self.resolve, host, port).result(self.clock.left())
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("The look-up took too long.") from error
        except (OSError, UnicodeError) as error:
            raise FetchError("host_not_found", host=host) from error
        finally:
            waiter.shutdown(wait=False)


class _TimedStream(httpcore.NetworkStream):
    """Give every read and write only what is left of the time for the whole."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self.stream = stream
        self.clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.clock.left())

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self.stream.start_tls(ssl_context, server_hostname, self.clock.left()), self.clock)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
