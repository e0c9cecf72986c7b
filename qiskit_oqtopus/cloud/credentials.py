"""Where the URL and the token come from: arguments, the environment, or an account file.

The account files are the ones of the official clients: ``~/.config/oqtopus/config.ini`` of
oqtopus-client (below ``$XDG_CONFIG_HOME`` if that is set) and ``~/.oqtopus`` of
quri-parts-oqtopus. Both are INI files in which ``%`` is written ``%%``::

    [default]
    url = https://cloud.example
    api_token = <token>
    proxy = http://proxy.example:8080
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..client.addresses import check_url, is_token, proxy_host, split_url
from ..client.errors import ConfigurationError
from ..client.secret import Secret
from ..exceptions import OqtopusCredentialsError
from .account_file import (
    PROXY_KEY,
    TOKEN_KEY,
    URL_KEYS,
    Source,
    clean,
    edit,
    file_name,
    lock,
    other_sections,
    parse,
    read_source,
    read_text,
    warn_if_open,
    write,
)

DEFAULT_PROFILE = "default"

_URL_VARIABLES = ("OQTOPUS_URL", "OQTOPUS_BASE_URL")
_TOKEN_VARIABLE = "OQTOPUS_API_TOKEN"  # noqa: S105 - a name
_PROXY_VARIABLE = "OQTOPUS_PROXY"


@dataclass(frozen=True)
class Account:
    """An account at one OQTOPUS Cloud. The token is not in its repr, and it is never pickled.

    Attributes:
        url: URL of the API.
        token: The token.
        proxy: URL of a proxy, or None.
        source: Where URL and token were found.
    """

    url: str
    token: str = field(repr=False)
    proxy: str | None = field(default=None, repr=False)
    source: str = "arguments"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("An Account holds a token; pickle its URL and profile instead")


class _Environment(Mapping[str, str]):
    """The environment, whose values no traceback with local variables shows."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __repr__(self) -> str:
        return "<the environment>"


def find_account(
    *,
    url: str | None = None,
    token: str | Secret | None = None,
    proxy: str | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    home: str | os.PathLike[str] | None = None,
) -> Account | None:
    """Return the account to use, or None if there is none anywhere.

    These places are looked at in this order: the arguments, the environment (unless a profile is
    named, which is an argument too), the file of oqtopus-client, the file of quri-parts-oqtopus. A
    proxy comes from the argument, from the place of the account, or from the environment.

    Args:
        url: URL of the API.
        token: The token.
        proxy: URL of a proxy.
        profile: Section of the account files; None for "default".
        environ: The environment; None for that of this process.
        home: Home directory of the user; None to find it.

    Raises:
        OqtopusCredentialsError: If URL and token come from different places, only one of them is
            found, a file is broken, the named profile is in no file, or a value cannot be used.

    Warns:
        OqtopusWarning: If a file with a token can be read by other users.
    """
    # The same names, so that no traceback with local variables shows the token.
    token = None if token is None else Secret(token)
    environ = _Environment(os.environ if environ is None else environ)
    sources: list[Source] = []
    for source in _sources(url, token, proxy, profile, environ, home):
        sources.append(source)
        if _first(sources, "url") and _first(sources, "token"):
            break
    of_url, of_token = _first(sources, "url"), _first(sources, "token")
    if of_url is None and of_token is None:
        if profile is not None:
            raise _unknown_profile(profile, environ, home)
        return None
    if of_url is None or of_token is None:
        found, missing = ("URL", "token") if of_token is None else ("token", "URL")
        where = of_url or of_token
        assert where is not None  # noqa: S101 - for the type checker
        raise OqtopusCredentialsError(
            f"There is half an OQTOPUS account: a {found} from {where.name}, and no {missing}. "
            f"Looked at: {'; '.join(places(profile, environ=environ, home=home))}. "
            f"Give the {missing} in the same place."
        )
    if of_url is not of_token:
        raise OqtopusCredentialsError(
            f"The URL comes from {of_url.name} and the token from {of_token.name}. A token is "
            "never sent to a URL from another place: give both in one of them."
        )
    assert of_url.url is not None  # noqa: S101 - for the type checker
    assert of_url.token is not None  # noqa: S101 - for the type checker
    chosen_proxy = proxy or of_url.proxy or clean(environ.get(_PROXY_VARIABLE))
    return Account(
        _check_url(of_url.url, of_url.name),
        _check_token(Secret(of_url.token), of_url.name),
        chosen_proxy,
        of_url.name,
    )


def places(
    profile: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    home: str | os.PathLike[str] | None = None,
) -> list[str]:
    """Return the places where :func:`find_account` looks, in its order, as words for messages."""
    environ = os.environ if environ is None else environ
    result = ["the arguments"]
    if profile is None:
        result.append(f"the environment ({_URL_VARIABLES[0]}, {_TOKEN_VARIABLE})")
    section = profile or DEFAULT_PROFILE
    return result + [file_name(path, section) for path in _files(environ, home)]


def save_account(
    url: str,
    token: str,
    *,
    profile: str = DEFAULT_PROFILE,
    proxy: str | None = None,
    overwrite: bool = False,
    insecure: bool = False,
    environ: Mapping[str, str] | None = None,
    home: str | os.PathLike[str] | None = None,
) -> Path:
    """Write an account to the file of oqtopus-client and return its path; only you can read it.

    Other sections, other keys and comments in the file stay as they are.

    Args:
        url: URL of the API.
        token: The token.
        profile: Section of the file.
        proxy: URL of a proxy, or None.
        overwrite: Whether to replace an account that is in this section already.
        insecure: Whether to allow ``http://`` to another machine.
        environ: The environment; None for that of this process.
        home: Home directory of the user; None to find it.

    Raises:
        OqtopusCredentialsError: If a value cannot be used, the section has an account already,
            the file is broken or cannot be written, or others are changing it for 10 s.
    """
    _check_profile(profile)
    token = _check_token(Secret(token.strip()), "the arguments")
    problem = ""
    try:
        url = check_url(url, proxy=proxy, insecure=insecure)
        if proxy:
            proxy_host(proxy)
    except ConfigurationError as error:
        problem = str(error)
    if problem:
        raise OqtopusCredentialsError(f"The account is not saved: {problem}.")
    path = _config_file(os.environ if environ is None else environ, home)
    with lock(path):
        _change(path, profile, url, token, proxy, overwrite)
    return path


def _change(
    path: Path, profile: str, url: str, token: str, proxy: str | None, overwrite: bool
) -> None:
    """Read an account file, and write it with one section changed."""
    text = read_text(path) or ""
    parser = parse(text, path)
    if parser.has_section(profile) and not overwrite:
        keys = (*URL_KEYS, TOKEN_KEY)
        if any(parser.has_option(profile, key) for key in keys):
            raise OqtopusCredentialsError(
                f"{file_name(path, profile)} has an account already; overwrite=True replaces it."
            )
    values = {"url": url, TOKEN_KEY: token} | ({PROXY_KEY: proxy} if proxy else {})
    new = edit(text, profile, values)
    edited = parse(new, path)
    written = read_source(edited, path, profile)
    wrong = (written.url, written.token) != (url, token) or (proxy and written.proxy != proxy)
    if wrong or other_sections(edited, profile) != other_sections(parser, profile):
        raise OqtopusCredentialsError(
            f"{path} has a form that cannot be edited safely; add the section [{profile}] by hand."
        )
    write(path, new)


def _first(sources: Sequence[Source], name: str) -> Source | None:
    return next((source for source in sources if getattr(source, name)), None)


def _sources(
    url: str | None,
    token: Secret | None,
    proxy: str | None,
    profile: str | None,
    environ: Mapping[str, str],
    home: str | os.PathLike[str] | None,
) -> Any:
    """Yield what each place says; a file is read only when its turn comes."""
    yield Source(
        "the arguments", clean(url), clean(None if token is None else token.reveal()), clean(proxy)
    )
    if profile is None:
        yield _environment(environ)
    for path in _files(environ, home):
        # Not in a variable, which a traceback might show.
        parser = parse(read_text(path) or "", path)
        source = read_source(parser, path, profile or DEFAULT_PROFILE)
        if source.token:
            warn_if_open(path)
        yield source


def _environment(environ: Mapping[str, str]) -> Source:
    url_name = next((n for n in _URL_VARIABLES if clean(environ.get(n))), _URL_VARIABLES[0])
    return Source(
        f"the environment ({url_name}, {_TOKEN_VARIABLE})",
        clean(environ.get(url_name)),
        clean(environ.get(_TOKEN_VARIABLE)),
        clean(environ.get(_PROXY_VARIABLE)),
    )


def _files(environ: Mapping[str, str], home: str | os.PathLike[str] | None) -> list[Path]:
    # Inside the server-side execution of OQTOPUS the official clients read no files either.
    if environ.get("OQTOPUS_ENV") == "sse_container":
        return []
    return [_config_file(environ, home), _home(home) / ".oqtopus"]


def _config_file(environ: Mapping[str, str], home: str | os.PathLike[str] | None) -> Path:
    base = environ.get("XDG_CONFIG_HOME")
    directory = Path(base).expanduser() if base else _home(home) / ".config"
    return directory / "oqtopus" / "config.ini"


def _home(home: str | os.PathLike[str] | None) -> Path:
    if home is not None:
        return Path(home)
    try:
        return Path.home()
    except RuntimeError as error:
        raise OqtopusCredentialsError(
            f"The account files cannot be looked for: {error} Set OQTOPUS_URL and "
            "OQTOPUS_API_TOKEN instead."
        ) from error


def _unknown_profile(
    profile: str, environ: Mapping[str, str], home: str | os.PathLike[str] | None
) -> OqtopusCredentialsError:
    names: list[str] = []
    for path in _files(environ, home):
        parser = parse(read_text(path) or "", path)
        names += [file_name(path, section) for section in parser.sections()]
    return OqtopusCredentialsError(
        f"There is no account in profile {profile!r}. Looked at: "
        f"{'; '.join(places(profile, environ=environ, home=home))}. "
        f"There are: {'; '.join(names) or 'no profiles'}."
    )


def _check_url(url: str, source: str) -> str:
    parts = split_url(url)
    if parts is None or parts.username is not None:
        # Not repeated: it may hold a password.
        raise OqtopusCredentialsError(
            f"The URL from {source} is not one like https://host, without user and password."
        )
    return url.rstrip("/")


def _check_token(token: Secret, source: str) -> str:
    if not is_token(token.reveal()):
        raise OqtopusCredentialsError(
            f"The token from {source} is not one: tokens are of printable ASCII characters "
            "without spaces. Was it copied whole?"
        )
    return token.reveal()


def _check_profile(profile: str) -> None:
    if (
        not profile
        or profile != profile.strip()
        or not profile.isprintable()
        or profile == configparser.DEFAULTSECT
        or set(profile) & set("[]")
    ):
        raise OqtopusCredentialsError(
            f"A profile cannot be called {profile!r}: it is the name of a section in an INI file."
        )
