"""The pages of a node: its catalogue, one data set, one asset, a query box and signing in.

In: requests from browsers. Out: HTML rendered from templates, for what the caller may see; the
same paths answer programs with JSON or RDF where they ask for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from kgnode import __version__
from kgnode.errors import BadRequest, GridspineError, IdentityError, NotFound
from kgnode.names import PREFIXES, shorten
from kgnode.policy.caller import Caller
from kgnode.web.api import asset as asset_answer
from kgnode.web.api import catalogue_entries, front, rdf_or_json
from kgnode.web.front import COOKIE, own_page

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
MENU = (
    {"path": "/", "label": "Data sets"},
    {"path": "/query", "label": "Query"},
    {"path": "/mappings", "label": "Mappings"},
)

_environment = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
)
_environment.filters["shorten"] = shorten


def render(request: Request, template: str, caller: Caller, **context: Any) -> HTMLResponse:
    """Return a page made from a template for a caller."""
    here = front(request)
    identity = here.node.home.identity
    page = _environment.get_template(template).render(
        site={"name": identity.name, "root": "", "version": __version__, "menu": MENU},
        org=identity.org,
        here=request.url.path,
        wide=False,
        caller=caller,
        signed=COOKIE in request.cookies,
        expired=caller.is_public and COOKIE in request.cookies,
        url=identity.node_url or str(request.base_url).rstrip("/"),
        prefixes=PREFIXES,
        **context,
    )
    return HTMLResponse(page)


def fragment(template: str, **context: Any) -> str:
    """Return a part of a page, for a script to put in place."""
    return _environment.get_template(template).render(**context)


def wants_page(request: Request) -> bool:
    """Tell whether the client is a browser that wants HTML."""
    return "text/html" in request.headers.get("accept", "")


async def home(request: Request) -> Response:
    """The catalogue as the first page."""
    here = front(request)
    caller = here.caller_of_page(request)
    found = catalogue_entries(here, here.see(caller))
    return render(request, "catalogue.html", caller, title="Data sets", entries=found)


async def catalogue(request: Request) -> Response:
    """All data sets the caller may discover: a page, JSON, or DCAT in an RDF format."""
    if wants_page(request):
        return await home(request)
    here = front(request)
    found = catalogue_entries(here, here.see(here.caller(request)))
    return rdf_or_json(found, request.headers.get("accept", ""))


async def dataset(request: Request, id: str) -> Response:
    """One data set: a page, JSON, or DCAT in an RDF format."""
    here = front(request)
    caller = here.caller_of_page(request) if wants_page(request) else here.caller(request)
    found = [e for e in catalogue_entries(here, here.see(caller)) if id in (e.id, e.iri)]
    if not found:
        raise NotFound(
            f"There is no data set {id}.",
            hint="The catalogue lists those that you may discover: /catalogue.",
        )
    if wants_page(request):
        return render(request, "dataset.html", caller, title=found[0].title, entry=found[0])
    return rdf_or_json(found, request.headers.get("accept", ""))


async def asset(request: Request, iri: str) -> Response:
    """One asset: a page or JSON."""
    if not wants_page(request):
        return await asset_answer(request, iri)
    here = front(request)
    caller = here.caller_of_page(request)
    view, _ = await here.view(here.see(caller))
    found = orjson.loads(await here.asset(view, iri))
    if found is None:
        raise NotFound(f"Nothing is known of {iri}.", hint="It does not exist, or is not shown.")
    return render(request, "asset.html", caller, title=found["name"] or iri, asset=found)


async def query(request: Request) -> Response:
    """A SPARQL box."""
    caller = front(request).caller_of_page(request)
    return render(request, "query.html", caller, title="Query")


async def sign_in_form(request: Request) -> Response:
    """The page to paste a token into."""
    caller = front(request).caller_of_page(request)
    return render(request, "signin.html", caller, title="Sign in")


async def sign_in(request: Request) -> Response:
    """Keep a pasted token in an HttpOnly cookie once it is proven."""
    here = front(request)
    own_page(request)
    form = await request.form()
    pasted = str(form.get("token") or "").strip()
    if not pasted:
        raise BadRequest("No token was pasted.", hint="Make one: kgnode token HOME --sub NAME.")
    here.authenticate(f"Bearer {pasted}")
    answer = RedirectResponse("/", status_code=303)
    answer.set_cookie(
        COOKIE,
        pasted,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        max_age=here.node.settings.token_max_seconds,
    )
    return answer


async def sign_out(request: Request) -> Response:
    """Forget the token."""
    answer = RedirectResponse("/", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


def problem_page(request: Request, error: GridspineError, status: int) -> Response:
    """Return an error as a page: what, where, how to mend."""
    try:
        caller = front(request).caller_of_page(request)
    except IdentityError:
        caller = Caller.public()
    answer = render(request, "problem.html", caller, title=error.title, error=error)
    answer.status_code = status
    return answer
