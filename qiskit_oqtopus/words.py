"""Words from outside, made fit for a terminal and a log: no control codes, no secrets, not long."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import quote

MAX_LENGTH = 2000
"""Characters of one text that are shown; the beginning is kept."""

# Beyond this nothing is looked at: a server may send a gigabyte.
_MAX_READ = 16 * MAX_LENGTH

_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# Colours and movements of the cursor, whole: without their ESC they would still be noise.
_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")

# Links may be quoted for a URL (also twice), for JSON or for XML.
_EQUALS = r"(?:=|%(?:25)*3D|\\u003d|&#0*61;)"
_RUNS = re.compile(r"[^\s\"'<>]+")
_LINK = re.compile(r"https?(?::|%(?:25)*3A)(?:/|\\/|%(?:25)*2F)", re.IGNORECASE)
_USER = re.compile(r"//[^/?#@]*@")
_QUERY = re.compile(r"\?|#|%(?:25)*3F|\\u003f", re.IGNORECASE)
_SIGNATURES = re.compile(
    r"((?:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|signature|policy"
    rf"|sig)(?:{_EQUALS}|[\"']\s*:\s*[\"']))[^\s\"'<>&;,]*",
    re.IGNORECASE,
)
_STRUCK_OUT = "***"


def clean(text: str, secrets: Iterable[str] = (), limit: int = MAX_LENGTH) -> str:
    r"""Return a text of a server as it may be shown to a person.

    Control characters, marks that change the direction of writing, and characters without a width
    are dropped; a line break is shown as " / ". The queries of links, which are their signatures,
    and secrets are struck out. Of a long text the beginning is kept.

    Args:
        text: The text.
        secrets: What must not be shown. Also found where it is quoted for a URL or for XML.
        limit: How long the result may be.

    >>> clean("no\r\n  qubit\x1b[31m!\x1b[0m \u202esee https://s3.example/r.zip?Signature=SIGNED !")
    'no / qubit! see https://s3.example/r.zip?*** !'
    >>> clean("the token id.abc is bad", ("id.abc",))
    'the token *** is bad'
    """
    secrets = tuple(secrets)
    cut = len(text) > _MAX_READ
    if cut:
        text = text[:_MAX_READ]
    if not text.isprintable():
        text = _ESCAPES.sub("", text)
        lines = _BREAKS.split(text)
        if len(lines) > 1:
            text = " / ".join(line.strip() for line in lines if line.strip())
        text = "".join(c if c.isprintable() else " " * c.isspace() for c in text)
    text = _strike_out(text, secrets)
    if cut:
        # It may have been cut within a secret, each character of which may be quoted as six.
        text = text[: -6 * max(map(len, secrets), default=0) or None]
    if cut or len(text) > limit:
        text = text[: limit - 1] + "…"
    return text


def _strike_out(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), html.escape(secret)}:
            text = text.replace(form, _STRUCK_OUT)
    text = _RUNS.sub(_strike_out_query, text)
    return _SIGNATURES.sub(rf"\1{_STRUCK_OUT}", text)


def _strike_out_query(match: re.Match[str]) -> str:
    """Return a run without spaces, which may hold a link, without what is secret in the link."""
    run = match[0]
    link = _LINK.search(run)
    if link is None:
        return run
    query = _QUERY.search(run, link.end())
    if query is not None:
        run = f"{run[: query.start()]}?{_STRUCK_OUT}"
    return _USER.sub(f"//{_STRUCK_OUT}@", run)
