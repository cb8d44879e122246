"""Errors of the API: one JSON shape, that of OpenAI's.

{"error": {"message": …, "type": …, "param": …, "code": …}}
"""

import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipeline.common.errors import UserError, one_line

TYPES = {
    401: "authentication_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "timeout_error",
}


class ApiError(Exception):
    """An error that the client is told. `param` names the field, `code` is for programs."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    def body(self) -> dict[str, Any]:
        """Return the JSON of this error."""
        kind = TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """Return the HTTP response."""
        headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}}.get(self.status)
        return JSONResponse(self.body(), self.status, headers)


def to_api_error(error: Exception) -> ApiError:
    """Return an error as clients are told it."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, UserError):
        return ApiError(400, str(error))
    if isinstance(error, RequestValidationError):
        return describe_invalid(error)
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, one_line(str(error.detail)))
    return ApiError(500, f"{type(error).__name__}: {one_line(error)}", code="internal_error")


def describe_invalid(error: RequestValidationError) -> ApiError:
    """Return the first thing that is wrong with a request, by the name of its field."""
    first = error.errors()[0]
    # Between the fields stand pydantic's names of types, where a field may have one of several.
    path = [str(part) for part in first["loc"] if part != "body" and not re.search(r"\W|^str$", str(part))]
    name = ".".join(path)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "model_attributes_type" and not path:
        return ApiError(400, "the body is no JSON object; send it with Content-Type: application/json")
    if first["type"] == "json_invalid":
        return ApiError(400, f"the body is no JSON: {first.get('ctx', {}).get('error', message)}")
    return ApiError(400, f"{name}: {one_line(message)}" if name else one_line(message), name or None)


def install_handlers(app: FastAPI) -> None:
    """Answer every error in the one shape."""

    async def handle(_: Request, error: Exception) -> JSONResponse:
        return to_api_error(error).response()

    for kind in (ApiError, UserError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)
