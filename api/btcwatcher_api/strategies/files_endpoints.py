"""`POST /api/v1/strategies/files`: a strategy file by upload, kept as a ConfigMap."""

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from btcwatcher_api import forms
from btcwatcher_api.access import Trader
from btcwatcher_api.changes import audited
from btcwatcher_api.cluster.places import check_served
from btcwatcher_api.problems import Problem, responses
from btcwatcher_api.strategies.sources import SourceError, source_file

if TYPE_CHECKING:
    from btcwatcher_api.strategies.files import Files

router = APIRouter(
    prefix="/api/v1/strategies",
    tags=["strategies"],
    responses=responses(400, 401, 403, 404, 409, 413, 415, 422, 500, 502, 503),
)

_NAME: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


class UploadFields(BaseModel):
    """What is said about the file."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    namespace: Annotated[str, Field(max_length=63, pattern=_NAME, examples=["trading"])]
    """Where the Strategies are that will run it."""
    name: Annotated[str | None, Field(max_length=63, pattern=_NAME, examples=["ema-cross-source"])] = None
    """Of the ConfigMap; unset: after the file, with dashes."""
    class_name: Annotated[str | None, Field(max_length=128, pattern="^[A-Za-z_][A-Za-z0-9_]*$")] = None
    """A strategy class that must be in the file."""
    replace: bool = False
    """Change a file of that name that is there; Strategies that use it take it over as they would any change."""


class UploadedFile(BaseModel):
    """Where the file is now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    namespace: str
    config_map: str
    key: Annotated[str, Field(examples=["ema_cross.py"])]
    classes: Annotated[list[str], Field(examples=[["EmaCross"]])]
    """The strategy classes in it: one of them is a spec.strategyName."""
    source: dict[str, Any]
    """What a Strategy's spec.source is, to run it."""


_FILE: Final = {
    "type": "string",
    "format": "binary",
    "description": "The Python file; its name becomes the ConfigMap's key",
}
_SCHEMA: Final = UploadFields.model_json_schema()
_BODY: Final = {
    "required": True,
    "content": {
        forms.MEDIA_TYPE: {
            "schema": {
                **_SCHEMA,
                "properties": {"file": _FILE, **_SCHEMA["properties"]},
                "required": ["file", "namespace"],
            }
        }
    },
}


@router.post(
    "/files",
    operation_id="uploadStrategyFile",
    status_code=201,
    summary="Upload a strategy file",
    openapi_extra={"requestBody": _BODY},
    responses={200: {"model": UploadedFile, "description": "The file was there and has been replaced"}},
)
async def upload_file(request: Request, response: Response, by: Trader) -> UploadedFile:
    """It is read, never run: its syntax and its classes are looked at. freqtrade's own verdict comes with the preflight
    of a Strategy that uses it."""
    sent = forms.parts(request.headers.get("content-type", ""), await request.body())
    file = sent.pop("file", None)
    if file is None or file.filename is None:
        raise Problem(422, "file: the strategy file is missing", [("file", "is missing, or is not sent as a file")])
    fields = _fields(sent)
    try:
        read = source_file(file.filename, file.content, fields.class_name)
    except SourceError as error:
        raise Problem(422, f"{error.field}: {error}", [(error.field, str(error))]) from error
    check_served(request, fields.namespace)
    name = fields.name or read.name.removesuffix(".py").strip("_").replace("_", "-").lower()[:63].strip("-") or "source"
    files: Files = request.app.state.files
    async with audited(request, by, "file.upload", f"{fields.namespace}.{name}", key=read.name):
        if not await files.put(fields.namespace, name, read.name, read.text, replace=fields.replace):
            response.status_code = 200
    return UploadedFile(
        namespace=fields.namespace,
        config_map=name,
        key=read.name,
        classes=list(read.classes),
        source={"configMapRef": {"name": name, "key": read.name}},
    )


def _fields(sent: dict[str, forms.Part]) -> UploadFields:
    try:
        return UploadFields.model_validate({name: part.content.decode() for name, part in sent.items()})
    except UnicodeDecodeError:
        raise Problem(422, "the fields must be text in UTF-8") from None
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
