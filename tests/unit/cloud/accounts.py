"""Account files in a home directory of the test's own, and what is looked for in an error."""

from __future__ import annotations

import warnings

from qiskit_oqtopus.cloud.credentials import find_account, save_account

URL = "https://cloud.example"


TOKEN = "4f1c9b.s3cr3t"  # noqa: S105


def write(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def client_file(home, text, mode=0o600):
    """The file of oqtopus-client."""
    return write(home / ".config" / "oqtopus" / "config.ini", text, mode)


def parts_file(home, text, mode=0o600):
    """The file of quri-parts-oqtopus."""
    return write(home / ".oqtopus", text, mode)


def section(name, url=URL, token=TOKEN, *more):
    return "\n".join([f"[{name}]", f"url = {url}", f"api_token = {token}", *more, ""])


def env(name="env"):
    return {"OQTOPUS_URL": f"https://{name}.example", "OQTOPUS_API_TOKEN": f"{name}.token"}


def find(home, environ=None, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return find_account(environ=environ or {}, home=home, **arguments)


def holds_token(error):
    waiting, seen = [error], []
    while waiting:
        item = waiting.pop()
        if item is None or item in seen:
            continue
        seen.append(item)
        waiting += [item.__cause__, item.__context__]
    return any("s3cr3t" in f"{item!r} {item} {vars(item)}" for item in seen)


def save(home, url=URL, token=TOKEN, **options):
    return save_account(url, token, environ={}, home=home, **options)
