"""Who may do what: the API is for users with a token, the object storage for everybody."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .database import Database, User
from .object_storage import BUCKET


class Authentication:
    """Lets users with a token through to the API, and everybody to the object storage.

    Args:
        app: The application that answers them.
        database: Knows the users.
    """

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http" and not is_object_storage(scope["path"]):
            token = dict(scope["headers"]).get(b"q-api-token", b"").decode("latin-1")
            user = self._database.user(token)
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


def is_object_storage(path: str) -> bool:
    """Return whether a path belongs to the object storage."""
    return path == f"/{BUCKET}" or path.startswith(f"/{BUCKET}/")


def get_user(request: Request) -> User:
    """Return the user that sent a request to the API."""
    user: User = request.scope["oqtopus.user"]
    return user
