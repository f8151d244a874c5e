"""Import URLs reach the public internet and nothing else; whatever comes is counted, timed and hashed."""

import hashlib
import http.server
import io
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.fetching import MAX_REDIRECTS, FetchError, check_url, fetch, is_public
from tests.assets.import_site import BODY, Site

HERE = "127.0.0.1"

REFUSED = {
    "file:///etc/passwd": "scheme_refused",
    "ftp://example.com/a": "scheme_refused",
    "gopher://example.com/": "scheme_refused",
    "data:text/plain,hello": "scheme_refused",
    "javascript:alert(1)": "scheme_refused",
    "http://user@example.com/": "userinfo_refused",
    "https://user:secret@example.com/": "userinfo_refused",
    "https://@example.com/": "userinfo_refused",
    "https://example.com@127.0.0.1/": "userinfo_refused",
    "http://0x7f000001/": "host_refused",
    "http://0x7f.1/": "host_refused",
    "http://127.1/": "host_refused",
    "http://2130706433/": "host_refused",
    "http://017700000001/": "host_refused",
    "http://0177.0.0.1/": "url_invalid",
    "http://127.0.0.1./": "host_refused",
    "http://example.com:22/": "port_refused",
    "http://example.com:8080/": "port_refused",
    "https://example.com:0/": "port_refused",
    "": "url_invalid",
    "example.com/a.png": "url_invalid",
    "//example.com/a.png": "url_invalid",
    "http://": "url_invalid",
    "http:///a": "url_invalid",
    "https://a..b/": "url_invalid",
    "https://exa mple.com/": "url_invalid",
    "https://example.com\\@127.0.0.1/": "url_invalid",
    "https://example.com/\r\nHost: inside": "url_invalid",
    "https://example.com/\x00": "url_invalid",
    "https://exam\u202eple.com/": "url_invalid",
    "https://[::1/": "url_invalid",
    "https://xn--a/": "url_invalid",
    "https://[fe80::1%25eth0]/": "url_invalid",
    "https://" + "a" * 3000: "url_too_long",
    "https://" + "a." * 200 + "com/": "url_invalid",
}


@pytest.mark.parametrize(("url", "code"), REFUSED.items(), ids=[ascii(url)[:40] for url in REFUSED])
def test_it_refuses_what_cannot_be_an_import(url, code):
    with pytest.raises(FetchError) as caught:
        check_url(url, allow_http=True)
    assert caught.value.code == code
    assert str(caught.value)


def test_http_must_be_allowed():
    with pytest.raises(FetchError) as caught:
        check_url("http://example.com/")
    assert (caught.value.code, caught.value.params) == ("scheme_refused", {"scheme": "http"})
    assert str(check_url("HTTPS://EXAMPLE.com:443/a?b=c#d")) == "https://example.com/a?b=c"
    assert check_url("https://例え.jp/絵.png").raw_host == b"xn--r8jz45g.jp"


INSIDE = (
    *("127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
    *("192.0.0.192", "192.88.99.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("100.100.100.200", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
    *("2002:7f00:1::", "2002:808:808::", "2001:0:808:808::1", "not an address"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_or_in_disguise_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_an_address_outside_is_public(address):
    assert is_public(address)


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_no_address_becomes_public_by_being_carried_in_another(address):
    number = int(address)
    mapped, compatible, translated = (0xFFFF << 32) | number, number, (0x64FF9B << 96) | number
    relayed, tunnelled = (0x2002 << 112) | (number << 80), (0x20010000 << 96) | number
    for carrier in (mapped, compatible, translated, relayed, tunnelled):
        assert not is_public(str(IPv6Address(carrier)))


LITERALS = ("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/", "https://[::ffff:127.0.0.1]/")


@pytest.mark.parametrize("url", [*LITERALS, "https://[64:ff9b::7f00:1]/", "https://10.1.2.3/", "https://localhost/"])
def test_it_refuses_hosts_inside(url):
    with pytest.raises(FetchError) as caught:
        fetch(url, io.BytesIO(), max_bytes=10, timeout_seconds=60)
    assert caught.value.code == "address_refused"


def test_one_address_inside_among_others_is_enough_to_refuse():
    with pytest.raises(FetchError) as caught:
        fetch(
            "https://images.example/",
            io.BytesIO(),
            max_bytes=10,
            timeout_seconds=60,
            resolve=lambda host, port: ("93.184.216.34", "10.0.0.1"),
        )
    assert (caught.value.code, caught.value.params) == ("address_refused", {"host": "images.example"})


@pytest.fixture(scope="module")
def site():
    server = http.server.ThreadingHTTPServer((HERE, 0), Site)
    server.asked, server.is_over, server.daemon_threads = [], threading.Event(), True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.is_over.set()
    server.shutdown()
    server.server_close()


def get(site, path, **options):
    """Fetch a path of the test site, with everything allowed that the site needs."""
    port = site.server_port
    file = io.BytesIO()
    options_here = {
        "max_bytes": 1_000_000,
        "timeout_seconds": 60.0,
        "allow_http": True,
        "allow_ports": frozenset({port}),
    }
    options_here |= {"allow_addresses": frozenset({HERE}), "resolve": lambda host, port: (HERE,)} | options
    return fetch(f"http://images.example:{port}/{path}", file, **options_here), file.getvalue()


@pytest.mark.parametrize("path", ["file", "chunks"])
def test_a_file_arrives_whole(site, path):
    fetched, content = get(site, path)
    assert content == BODY
    assert (fetched.size, fetched.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert fetched.content_type == ("image/png" if path == "file" else "")
    assert fetched.final_url == f"http://images.example:{site.server_port}/{path}"


@pytest.mark.parametrize(("path", "told"), [("file", [len(BODY)]), ("chunks", [])])
def test_the_promised_size_is_told_before_the_file_comes(site, path, told):
    sizes = []
    get(site, path, on_size=sizes.append)
    assert sizes == told


def test_the_server_sees_the_name_and_no_secrets(site):
    get(site, "file/seen?a=b")
    path, headers = site.asked[-1]
    assert path == "/file/seen?a=b"
    assert headers["Host"] == f"images.example:{site.server_port}"
    assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


def test_redirects_are_followed_and_told(site):
    fetched, content = get(site, "to/|to|..|file")
    assert content == BODY
    assert fetched.final_url.endswith("/file")


FAILURES = {
    "loop": ("too_many_redirects", {"limit": MAX_REDIRECTS}),
    "nowhere": ("url_invalid", {}),
    "status/404": ("status_refused", {"host": "images.example", "status": 404}),
    "status/204": ("status_refused", {"host": "images.example", "status": 204}),
    "packed": ("encoding_refused", {"host": "images.example", "encoding": "gzip"}),
    "promise": ("too_many_bytes", {"limit": 1_000_000}),
    "endless": ("too_many_bytes", {"limit": 1_000_000}),
    "half": ("interrupted", {"host": "images.example"}),
    "nonsense": ("interrupted", {"host": "images.example"}),
    "nothing": ("interrupted", {"host": "images.example"}),
    "to/file:||etc|passwd": ("scheme_refused", {"scheme": "file"}),
    "to/http:||127.1|": ("host_refused", {"host": "127.1"}),
    "to/http:||u:p@images.example|": ("userinfo_refused", {}),
    "to/http:||images.example:22|": ("port_refused", {"port": 22}),
}


@pytest.mark.parametrize("path", FAILURES)
def test_each_failure_has_its_reason(site, path):
    code, params = FAILURES[path]
    with pytest.raises(FetchError) as caught:
        get(site, path)
    assert (caught.value.code, caught.value.params) == (code, params)
    assert str(caught.value)


@pytest.mark.parametrize("path", ["slow", "slowhead", "early"])
def test_the_whole_has_a_time_limit(site, path):
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        get(site, path, timeout_seconds=0.6)
    assert caught.value.code == "timed_out"
    assert 0.5 < time.monotonic() - started < 30


def test_a_slow_look_up_counts(site):
    is_over = threading.Event()
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        get(site, "file", timeout_seconds=0.3, resolve=lambda host, port: is_over.wait(60) and (HERE,))
    is_over.set()
    assert caught.value.code == "timed_out"
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("inside", ["http://10.0.0.1|", "http://169.254.169.254|latest|", "http://[::1]|"])
def test_a_redirect_to_a_host_inside_is_refused(site, inside):
    ports = frozenset({site.server_port, 80})
    with pytest.raises(FetchError) as caught:
        get(site, f"to/{inside.replace('//', '||')}", allow_ports=ports, resolve=by_number)
    assert caught.value.code == "address_refused"


def by_number(host, port):
    return (HERE,) if host == "images.example" else (host,)


def test_a_name_that_changes_its_mind_gets_nowhere(site):
    answers = iter([(HERE,), ("127.0.0.2",)])
    with pytest.raises(FetchError) as caught:
        get(site, "to/|file", resolve=lambda host, port: next(answers))
    assert caught.value.code == "address_refused"


def test_a_name_is_looked_up_once_for_a_connection(site):
    answers = iter([(HERE,)])
    assert get(site, "file", resolve=lambda host, port: next(answers))[1] == BODY


def test_proxies_of_the_environment_are_not_asked(site, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert get(site, "file")[1] == BODY


def test_the_next_address_is_tried_when_one_does_not_answer(site):
    addresses = ("127.0.0.2", HERE)
    assert get(site, "file", allow_addresses=frozenset(addresses), resolve=lambda host, port: addresses)[1] == BODY


def test_an_unknown_host_and_a_closed_port_have_their_reasons(site):
    def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with pytest.raises(FetchError) as caught:
        get(site, "file", resolve=unknown)
    assert caught.value.code == "host_not_found"
    with socket.socket() as unused:
        unused.bind((HERE, 0))
        closed = unused.getsockname()[1]
        with pytest.raises(FetchError) as caught:
            fetch(
                f"http://images.example:{closed}/",
                io.BytesIO(),
                max_bytes=10,
                timeout_seconds=60,
                allow_http=True,
                allow_ports=frozenset({closed}),
                allow_addresses=frozenset({HERE}),
                resolve=by_number,
            )
    assert caught.value.code == "connection_failed"


@pytest.fixture(scope="module")
def secure_site(tmp_path_factory):
    """Serve the same over TLS with a certificate for images.example that only the returned context trusts."""
    pem = write_certificate(tmp_path_factory.mktemp("tls") / "site.pem", "images.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    names = []
    context.sni_callback = lambda connection, name, _: names.append(name)
    server = http.server.ThreadingHTTPServer((HERE, 0), Site)
    server.asked, server.is_over, server.daemon_threads, server.names = [], threading.Event(), True, names
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, ssl.create_default_context(cafile=pem)
    server.shutdown()
    server.server_close()


def write_certificate(path, host):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(pem))
    return path


def get_securely(site, host, context):
    file = io.BytesIO()
    fetch(
        f"https://{host}:{site.server_port}/file",
        file,
        max_bytes=1_000_000,
        timeout_seconds=60,
        allow_ports=frozenset({site.server_port}),
        allow_addresses=frozenset({HERE}),
        resolve=lambda host, port: (HERE,),
        ssl_context=context,
    )
    return file.getvalue()


def test_tls_is_for_the_name_and_not_for_the_address(secure_site):
    site, context = secure_site
    assert get_securely(site, "images.example", context) == BODY
    assert site.names[-1] == "images.example"
    assert site.asked[-1][1]["Host"] == f"images.example:{site.server_port}"


@pytest.mark.parametrize(("host", "is_trusted"), [("other.example", True), ("images.example", False)])
def test_a_certificate_that_does_not_hold_is_refused(secure_site, host, is_trusted):
    site, context = secure_site
    with pytest.raises(FetchError) as caught:
        get_securely(site, host, context if is_trusted else None)
    assert (caught.value.code, caught.value.params) == ("tls_failed", {"host": host})
