"""The page that shows the OpenAPI document: one vendored script, nothing from elsewhere."""

from html import escape
from importlib.resources import files
from typing import Any, Final

from litestar import MediaType, Request, Response, Router, get
from litestar.openapi.plugins import OpenAPIRenderPlugin

SCRIPT_NAME: Final = "rapidoc-min.js"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; "  # RapiDoc styles its elements in place
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SchemaPage(OpenAPIRenderPlugin):
    """RapiDoc (https://rapidocweb.com), served by ourselves."""

    def __init__(self) -> None:
        """Serve the page at the root of the schema's path."""
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> Any:  # noqa: ANN401 - see below
        """Return the page with a policy of its own.

        Litestar types this as bytes, but passes a response through, and headers need one.
        """
        document = self.get_openapi_json_route(request)
        folder = document.rpartition("/")[0]
        title = escape(str(openapi_schema["info"]["title"]))
        # The fonts that RapiDoc would load come from elsewhere: switched off.
        page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<script type="module" src="{folder}/{SCRIPT_NAME}"></script>
</head>
<body>
<noscript>This page needs JavaScript. <a href="{document}">The document</a> does not.</noscript>
<rapi-doc spec-url="{document}" load-fonts="false" render-style="read" show-header="false"
 allow-server-selection="false" regular-font="sans-serif" mono-font="monospace"></rapi-doc>
</body>
</html>
"""
        return Response(
            page, media_type=MediaType.HTML, headers={"Content-Security-Policy": _POLICY}
        )

    def receive_router(self, router: Router) -> None:
        """Serve the script next to the page."""
        script = files("markethub.entrypoints.http").joinpath("vendor", SCRIPT_NAME).read_bytes()

        @get(f"/{SCRIPT_NAME}", media_type="text/javascript", sync_to_thread=False)
        def serve_script() -> bytes:
            return script

        router.register(serve_script)
