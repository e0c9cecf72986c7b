"""Where requests may go, and with which token: URLs, proxies, paths. No I/O."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, quote, urlsplit

from ..words import clean
from .errors import ConfigurationError, NotFoundError, ProtocolError

_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def check_url(url: str, *, proxy: str | None = None, insecure: bool = False) -> str:
    """Return the URL of an API without a slash at its end, if a token may be sent there.

    Args:
        url: The URL.
        proxy: URL of a proxy in between, or None.
        insecure: Whether to allow ``http://`` to another machine.

    Raises:
        ConfigurationError: If it may not.

    >>> check_url("https://cloud.example/api/")
    'https://cloud.example/api'
    """
    parts = split_url(url.strip())
    if parts is None:
        raise ConfigurationError("the URL of the API must begin with https:// and name a host")
    if parts.username is not None or parts.query or parts.fragment:
        # Not repeated here: it may hold a password.
        raise ConfigurationError("the URL of the API must have no user, no query and no fragment")
    local = is_loopback(parts.hostname) and (not proxy or is_loopback(proxy_host(proxy)))
    if parts.scheme == "http" and not local and not insecure:
        raise ConfigurationError(
            f"{url} would send the token unencrypted over the network; use https://, or "
            "insecure=True if you are sure"
        )
    return url.strip().rstrip("/")


def is_token(text: str) -> bool:
    """Return whether a text can be a token: printable ASCII characters without spaces."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def is_loopback(host: str | None) -> bool:
    """Return whether a host is this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost")
    (True, True, True)
    >>> is_loopback("127.0.0.1.example.com"), is_loopback(None)
    (False, False)
    """
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def proxy_host(proxy: str) -> str:
    """Return the host of a proxy.

    Raises:
        ConfigurationError: If this is not the URL of a proxy. The URL is not repeated: it may
            hold a password.
    """
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in _PROXY_SCHEMES or not _is_clean(proxy):
        raise ConfigurationError(
            "the proxy is not a URL like http://host:port (nor https:// nor socks5://)"
        )
    return host


def split_url(url: str) -> SplitResult | None:
    r"""Return the parts of an http(s) URL, or None if it is not one.

    >>> split_url("https://cloud.example\n/") is None
    True
    """
    # urlsplit would drop line feeds and tabs without a word.
    if not _is_clean(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def _is_clean(url: str) -> bool:
    return url.isprintable() and " " not in url


def api_path(*parts: str) -> str:
    """Return a path of the API, whose parts are quoted.

    Raises:
        NotFoundError: If a part cannot be the id of anything.

    >>> api_path("jobs", "a/b", "submit")
    '/jobs/a%2Fb/submit'
    """
    # A dot would be resolved as a directory on the way, and ask for something else.
    if any(not part or part.strip(".") == "" for part in parts):
        raise NotFoundError(f"{parts[1]!r} is not an id", path="/" + parts[0], sent=False)
    return "".join("/" + quote(part, safe="") for part in parts)


def storage_url(url: str) -> str:
    """Return a URL that the server named, if it may be opened.

    Raises:
        ProtocolError: If it is not http(s): files of this machine are never read for a server.
    """
    if split_url(url) is None:
        raise ProtocolError(
            "the server names a storage URL that is not http(s); it is not opened", sent=False
        )
    return url


def public_url(url: str) -> str:
    """Return a URL without its query, which is its signature, and without a user.

    >>> public_url("https://s3.example:9000/bucket/result.zip?Signature=SECRET")
    'https://s3.example:9000/bucket/result.zip'
    """
    parts = urlsplit(url)
    return clean(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")
