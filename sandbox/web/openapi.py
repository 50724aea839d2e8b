"""The table of routes as an OpenAPI 3.1 document and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

import sandbox
from sandbox.policy.roles import Channel
from sandbox.web import multipart, problem
from sandbox.web.bodies import Body, Form, UploadForm
from sandbox.web.route import Route
from sandbox.web.strict import FORM_TYPE, JSON_TYPE

REFERENCE = "#/components/schemas/{model}"
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem document.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, in one sentence."},
        "allowed": {"type": "string", "description": "What would be allowed instead."},
        "code": {"type": "string", "description": "Stable name of the rule that refused."},
    },
    "required": ["type", "title", "status", "detail", "allowed", "code"],
}


def document(routes: Iterable[Route], *, channel: Channel, prefix: str) -> dict[str, Any]:
    """Describe the routes of one channel."""
    reachable = [route for route in routes if channel in route.channels]
    models = sorted({route.body for route in reachable if route.body}, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in reachable:
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = _operation(route, channel)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Public data sandbox", "version": sandbox.__version__},
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": PROBLEM_SCHEMA},
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "login": {"type": "apiKey", "in": "cookie", "name": "service-gateway"},
            },
        },
    }


def table(routes: Iterable[Route]) -> str:
    """Return the routes as a Markdown table, for ``docs/http-api.md``."""
    lines = ["| method | path | reached by | scope | what it does |", "| --- | --- | --- | --- | --- |"]
    for route in routes:
        channels = ", ".join(sorted(channel.value for channel in route.channels))
        scope = "none (public)" if route.public else f"`{route.scope}`" if route.scope else "any person"
        lines.append(f"| {route.method} | `{route.path}` | {channels} | {scope} | {route.summary} |")
    return "\n".join(lines) + "\n"


def _operation(route: Route, channel: Channel) -> dict[str, Any]:
    problems = {"description": "A refusal.", "content": {problem.CONTENT_TYPE: {"schema": _ref("Problem")}}}
    page = channel is Channel.CONSOLE and not route.path.startswith("/api/")
    media = route.media or ("text/html" if page else JSON_TYPE)
    success = "201" if route.path.endswith(("/releases", "/rounds")) and route.method == "POST" else "200"
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": [
            {"name": part.strip("{}"), "in": "path", "required": True, "schema": {"type": "string"}}
            for part in route.path.split("/")
            if part.startswith("{")
        ]
        + [
            {"name": name, "in": "query", "required": False, "schema": {"type": "integer", "minimum": 0}}
            for name in route.query
        ],
        "responses": {
            success: {"description": route.returns, "content": {media: {"schema": {}}}},
            "default": problems,
        },
        "security": [] if route.public else [{"token" if channel is Channel.NOTEBOOK else "login": []}],
    }
    if route.scope is not None:
        operation["x-scope"] = route.scope.value
    if route.body is not None:
        operation["requestBody"] = _body(route.body)
    return operation


def _body(model: type[Body]) -> dict[str, Any]:
    carries_files = issubclass(model, UploadForm)
    media = multipart.TYPE if carries_files else FORM_TYPE if issubclass(model, Form) else JSON_TYPE
    return {"required": True, "content": {media: {"schema": _ref(model.__name__)}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=name)}
