"""TLS: always verified, by the CA that the environment names."""

from __future__ import annotations

import ssl

import pytest

from qiskit_oqtopus.client import Client, RetryPolicy, TransportError

from .conftest import TOKEN
from .server import Server, say

# For 127.0.0.1, signed by itself, valid from 2020 to 2119, and used nowhere but here.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHOl0Np1hdDO5ZT/f
MYzjKNigxAACxn/JWkaiPZmIc4mhRANCAASUcNQnOMG3sUE7P23tGANAW8aC8iIZ
gkNsX3srBg4mUDbNF0ETFrjg9QwMLsiXSSlOo+rSuInzMTUJGmnwH9IS
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBcTCCARigAwIBAgIBATAKBggqhkjOPQQDAjAfMR0wGwYDVQQDDBRxaXNraXQt
b3F0b3B1cyB0ZXN0czAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFow
HzEdMBsGA1UEAwwUcWlza2l0LW9xdG9wdXMgdGVzdHMwWTATBgcqhkjOPQIBBggq
hkjOPQMBBwNCAASUcNQnOMG3sUE7P23tGANAW8aC8iIZgkNsX3srBg4mUDbNF0ET
Frjg9QwMLsiXSSlOo+rSuInzMTUJGmnwH9ISo0MwQTAPBgNVHREECDAGhwR/AAAB
MA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFBLD9FR90NIUC+Qc/HPL55Y2zsOQ
MAoGCCqGSM49BAMCA0cAMEQCICV/Ns12H3VLNPRiQyWSAbuQGL5S/tCsFTks3ZIJ
Q7drAiBHz37jGcsBfxhhoWgRcy3VzdziMVx04ZkSNMsvcmK2BA==
-----END CERTIFICATE-----
"""


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "certificate.pem"
    path.write_text(CERTIFICATE)
    return path


@pytest.fixture
def server(certificate):
    with Server(say([])) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
        yield server


def client(server, time):
    policy = RetryPolicy(clock=time.clock, sleep=time.sleep, random=time.random)
    return Client(server.url.replace("http://", "https://"), TOKEN, retry=policy)


def test_a_certificate_that_is_not_trusted(server, time):
    with pytest.raises(TransportError, match=r"not trusted: self.signed") as info:
        client(server, time).devices()
    assert (info.value.sent, info.value.temporary) == (False, False)
    assert (server.seen, time.slept) == ([], [])


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_ca_of_your_own(server, time, certificate, monkeypatch, name):
    monkeypatch.setenv(name, str(certificate))
    assert client(server, time).devices() == []


def test_a_certificate_of_another_host(server, time, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    other = client(server, time).url.replace("127.0.0.1", "localhost")
    with pytest.raises(TransportError, match="not trusted"):
        Client(other, TOKEN).devices()
    assert server.seen == []


def test_a_ca_file_that_is_not_there(server, time, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate) + "x")
    with pytest.raises(TransportError, match="CA file") as info:
        client(server, time).devices()
    assert (info.value.sent, time.slept) == (False, [])
