"""Who may come in: users with a token to the API, everybody to the storage."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .database import Store, User
from .object_storage import BUCKET


class Authentication:
    """Lets users through who have a token, and everybody to the storage.

    Args:
        app: What they get to.
        store: Knows the users.
    """

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http" and not is_storage(scope["path"]):
            token = dict(scope["headers"]).get(b"q-api-token", b"").decode("latin-1")
            user = self._store.user(token)
            answer = None
            if not token:
                answer = JSONResponse(
                    {"detail": "Unauthorized"}, 401, {"www-authenticate": "Bearer"}
                )
            elif user is None:
                answer = JSONResponse({"detail": "Unauthorized"}, 401)
            elif not user.approved:
                answer = JSONResponse({"detail": "Forbidden"}, 403)
            if answer is not None:
                await answer(scope, receive, send)
                return
            scope["oqtopus.user"] = user
        await self._app(scope, receive, send)


def is_storage(path: str) -> bool:
    """Return whether a path belongs to the storage."""
    return path == f"/{BUCKET}" or path.startswith(f"/{BUCKET}/")


def user_of(request: Request) -> User:
    """Return who sent a request to the API."""
    user: User = request.scope["oqtopus.user"]
    return user
