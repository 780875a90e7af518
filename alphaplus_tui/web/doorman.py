"""Lets into the web pages only who brought the link: it is used up once, and then a cookie is asked for."""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Collection
from html import escape
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MOST_BROWSERS = 64


class Doorman:
    """Stands before every page and the WebSocket."""

    def __init__(self, hosts: Collection[str], *, on_link: Callable[[str], None]) -> None:
        """hosts: names and addresses under which we may be asked, in lower case, without ports.

        on_link: hears the query of the link that lets the next browser in.
        """
        self._hosts, self._on_link = frozenset(hosts), on_link
        self._token = ""
        self._cookies: list[str] = []
        """Of the browsers that were let in, the oldest first."""
        self.new_link()

    def new_link(self) -> None:
        """The link before counts no more."""
        self._token = secrets.token_urlsafe(32)
        self._on_link(f"/?token={self._token}")

    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware."""
        if not self._is_our_name(request.host):
            raise web.HTTPMisdirectedRequest(text="asked under a name that is not ours\n")
        if not self._is_same_origin(request):
            raise web.HTTPForbidden(text="pages of other sites may not ask\n")
        if self._knows(request.cookies.get(_cookie_name(request), "")):
            return await handler(request)
        if request.path == "/" and request.method == "GET" and self._is_token(request.query.get("token", "")):
            return self._let_in(request)
        raise web.HTTPUnauthorized(text="open the link that `alphaplus web` printed; each link lets one browser in\n")

    def _let_in(self, request: web.Request) -> web.Response:
        cookie = secrets.token_urlsafe(32)
        self._cookies = [*self._cookies[-_MOST_BROWSERS + 1 :], cookie]
        self.new_link()
        # no redirect: a browser that came here from another site would leave the new cookie out of it
        text = "<!DOCTYPE html><meta http-equiv='refresh' content='0; url=/'><title>AlphaPlus</title>"
        answer = web.Response(text=text, content_type="text/html")
        answer.set_cookie(_cookie_name(request), cookie, httponly=True, samesite="Strict", path="/")
        return answer

    def _knows(self, cookie: str) -> bool:
        said = cookie.encode("utf-8", "replace")
        return any(hmac.compare_digest(said, known.encode()) for known in self._cookies)

    def _is_token(self, said: str) -> bool:
        return hmac.compare_digest(said.encode("utf-8", "replace"), self._token.encode())

    def _is_our_name(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname, parts.port
        except ValueError:
            return False
        return parts.netloc == host and "@" not in host and (name or "") in self._hosts

    @staticmethod
    def _is_same_origin(request: web.Request) -> bool:
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"} and not _is_navigation(request):
            return False
        origin = request.headers.get("Origin")
        if origin is None:
            return "Upgrade" not in request.headers
        return urlsplit(origin).netloc.lower() == request.host.lower()


def _is_navigation(request: web.Request) -> bool:
    """Somebody followed a link to us from another page, which is how links are used."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate" and request.path == "/"


def _cookie_name(request: web.Request) -> str:
    """Of this server alone: browsers do not keep the cookies of ports apart."""
    return f"alphaplus_{urlsplit(f'//{request.host}').port or 'web'}"


def page(template: str, **values: str) -> str:
    """``template`` with each ``{{name}}`` replaced by its value, which is text and never markup."""
    for name, value in values.items():
        template = template.replace("{{" + name + "}}", escape(value))
    return template
