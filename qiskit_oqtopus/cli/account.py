"""Commands about the account."""

from __future__ import annotations

from datetime import datetime, timezone

import click

from ..cloud.connection import describe_no_account
from ..cloud.credentials import Account, find_account, save_account
from ..exceptions import OqtopusCredentialsError
from .command import Session
from .output import as_json, print_json, to_text


@click.group()
def account() -> None:
    """Save, show and check your account."""


@account.command()
@click.option("--url", help="URL of the API; asked for if it is not given.")
@click.option("--token", help="API token; asked for, without an echo, if it is not given.")
@click.option("--profile", metavar="NAME", help="Section of the file (default: default).")
@click.option("--overwrite", is_flag=True, help="Replace an account that is there already.")
@click.pass_obj
def save(
    session: Session, url: str | None, token: str | None, profile: str | None, overwrite: bool
) -> None:
    """Write an account to the account file; only you can read it."""
    url = url or session.url or click.prompt("URL of the OQTOPUS Cloud")
    token = token or session.token or click.prompt("API token", hide_input=True)
    chosen = profile or session.profile or "default"
    path = save_account(url, token, profile=chosen, overwrite=overwrite)
    click.echo(f"Saved as [{chosen}] in {path}.")


@account.command()
@as_json
@click.pass_obj
def show(session: Session, as_json: bool) -> None:
    """Show the account that is used, and where it was found; never its token."""
    found = _find(session)
    facts = {"url": found.url, "token": mask(found.token), "source": found.source}
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name + ':':8}{to_text(value)}")


@account.command()
@as_json
@click.pass_obj
def check(session: Session, as_json: bool) -> None:
    """Ask the cloud whether it takes the account, and when the token expires."""
    found = _find(session)
    expires = session.provider.token_expires_at()
    devices = [device.name for device in session.provider.backends(simulator=None)]
    devices = [name for name in devices if name != "qulacs_simulator"]
    if as_json:
        print_json({"url": found.url, "valid": True, "expires": expires, "devices": devices})
        return
    click.echo(f"{found.url} takes the token.")
    click.echo(describe_expiry(expires))
    click.echo(f"Devices: {', '.join(map(to_text, devices)) or 'none'}")


def mask(token: str) -> str:
    """Return a token of which only the beginning is to be seen, if it is long enough.

    >>> mask("abcdefghijklmnop"), mask("short")
    ('abcd...', '...')
    """
    return f"{token[:4]}..." if len(token) >= 16 else "..."


def describe_expiry(expires: datetime | None) -> str:
    """Return when a token expires as a sentence."""
    if expires is None:
        return "The cloud does not say when the token expires."
    days = (expires - datetime.now(timezone.utc)).total_seconds() / 86400
    when = "has expired" if days < 0 else f"expires in {days:.1f} days"
    return f"The token {when} ({to_text(expires)})."


def _find(session: Session) -> Account:
    found = find_account(url=session.url, token=session.token, profile=session.profile)
    if found is None:
        raise OqtopusCredentialsError(describe_no_account(session.profile))
    return found
