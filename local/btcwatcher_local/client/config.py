"""Read a kubeconfig: the current context's server and credentials."""

from __future__ import annotations

import base64
import ssl
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Connection:
    """Where an API server is and how to be let in. The token never shows in a repr."""

    server: str
    token: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    # PEM of the authority to trust, where the kubeconfig names one
    authority: str = field(default="", repr=False)
    # whether the server's certificate is not looked at
    insecure: bool = False


def load_kubeconfig(path: Path) -> Connection:
    """Read the current context of `path`.

    Understands bearer tokens (inline or file), client certificates, CA data and skipped verification;
    raises ValueError with the reason for anything else (exec plugins, say).
    """
    document = yaml.safe_load(path.read_text())
    if not isinstance(document, dict):
        raise ValueError(f"{path} is not a kubeconfig")
    context = _named(document, "contexts", str(document.get("current-context") or ""), path)["context"]
    cluster = _named(document, "clusters", str(context.get("cluster")), path)["cluster"]
    user = _named(document, "users", str(context.get("user")), path).get("user") or {}
    if "exec" in user or "auth-provider" in user:
        raise ValueError(f"{path}: exec and auth-provider users are not supported, use a token")
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = (path.parent / user["tokenFile"]).read_text().strip()
    server = str(cluster["server"]).rstrip("/")
    if not server.startswith("https"):
        return Connection(server, token)
    authority = _pem(cluster, "certificate-authority", path) or ""
    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    return Connection(server, token, _tls(cluster, user, path), authority, insecure)


def _named(document: dict[str, Any], section: str, name: str, path: Path) -> dict[str, Any]:
    for entry in document.get(section) or []:
        if entry.get("name") == name:
            found: dict[str, Any] = entry
            return found
    raise ValueError(f"{path}: no entry {name!r} in {section}")


def _tls(cluster: dict[str, Any], user: dict[str, Any], path: Path) -> ssl.SSLContext:
    authority = _pem(cluster, "certificate-authority", path)
    context = ssl.create_default_context(cadata=authority)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _pem(user, "client-certificate", path), _pem(user, "client-key", path)
    if certificate and key:
        # The ssl module loads key pairs from files only.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(certificate + "\n" + key)
            pair.flush()
            context.load_cert_chain(pair.name)
    return context


def _pem(entry: dict[str, Any], field_name: str, path: Path) -> str | None:
    data = entry.get(f"{field_name}-data")
    if data:
        return base64.b64decode(data).decode()
    file = entry.get(field_name)
    return (path.parent / file).read_text() if file else None
