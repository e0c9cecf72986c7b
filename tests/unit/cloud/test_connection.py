"""Connections: no signature in a log, no password in a pickle, no token in a traceback."""

import logging
import pickle
import traceback

import pytest

from qiskit_oqtopus import OqtopusCredentialsError, OqtopusProvider
from tests.device_circuits import flip


def test_signatures_of_links_are_in_no_log(cloud, caplog):
    with caplog.at_level(logging.DEBUG):
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")
        device.run(flip(device), shots=5).result(timeout=60)
    # The emulator, which is the server here, has a log of its own.
    ours = [r for r in caplog.records if r.name.startswith(("urllib3", "qiskit_oqtopus.client"))]
    assert any(r.name.startswith("urllib3") and "device_info" in r.getMessage() for r in ours)
    assert not any("Signature" in r.getMessage() for r in ours)


def test_passwords_of_proxies_are_not_pickled(cloud):
    named = OqtopusProvider(url=cloud.url, token=cloud.token, proxy="http://me:secret@127.0.0.1:9")
    assert b"secret" not in pickle.dumps(named)
    plain = OqtopusProvider(url=cloud.url, token=cloud.token, proxy="http://127.0.0.1:9")
    assert b"127.0.0.1:9" in pickle.dumps(plain)


TOKEN = "0123456789abcdef.s3cr3t-of-the-account"  # noqa: S105


def shown_by_traceback(error):
    """The local variables of every frame of ours, as tracebacks of rich and pytest -l show them."""
    shown = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/qiskit_oqtopus/" in frame.f_code.co_filename:
                shown += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
        error = error.__cause__ or error.__context__
    assert shown
    return "\n".join(shown)


def file_of(home, text):
    path = home / ".oqtopus"
    path.write_text(text)
    path.chmod(0o600)


def account_in_environment(monkeypatch, url, token):
    monkeypatch.setenv("OQTOPUS_URL", url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", token)


@pytest.mark.parametrize("token", [TOKEN, f"{TOKEN} x"])
@pytest.mark.parametrize("given", ["arguments", "environment", "file"])
def test_no_traceback_with_local_variables_holds_the_token(cloud, home, monkeypatch, given, token):
    monkeypatch.setenv("HOME", str(home))
    for name in ("OQTOPUS_URL", "OQTOPUS_API_TOKEN", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    arguments = {"url": cloud.url, "token": token} if given == "arguments" else {}
    if given == "environment":
        account_in_environment(monkeypatch, cloud.url, token)
    if given == "file":
        file_of(home, f"[default]\nurl = {cloud.url}\napi_token = {token}\n")
    with OqtopusProvider(**arguments) as provider:
        for call in (
            provider.backends,
            lambda: list(provider.jobs()),
            lambda: provider.backend("line-4q"),
            lambda: provider.job("01997cb0-8d1c-7000-8000-0123456789ab"),
        ):
            with pytest.raises(OqtopusCredentialsError) as info:
                call()
            assert "s3cr3t" not in shown_by_traceback(info.value)


@pytest.mark.parametrize(
    "text",
    [
        f"[default]\napi_token = {TOKEN}\n",
        f"[default]\nurl = x\napi_token = {TOKEN}\n",
        f"[default]\napi_token = {TOKEN}\nproxy = 100%\n",
        f"{TOKEN}\n",
    ],
)
def test_no_traceback_of_a_broken_account_holds_the_token(home, monkeypatch, text):
    monkeypatch.setenv("HOME", str(home))
    for name in ("OQTOPUS_URL", "OQTOPUS_API_TOKEN", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    file_of(home, text)
    with OqtopusProvider() as provider, pytest.raises(OqtopusCredentialsError) as info:
        provider.backends()
    assert "s3cr3t" not in shown_by_traceback(info.value)
