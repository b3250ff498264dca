"""The fleet screen under test, in this process on a real socket; users of its API; a FreqUI for tests."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from btcwatcher_api.accounts import repository
from btcwatcher_api.accounts.passwords import Passwords
from btcwatcher_api.accounts.repository import User
from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.accounts.tokens import SCREEN_PREFIX, new_refresh_token, secret_hash
from btcwatcher_api.engines import writing_engine
from btcwatcher_api.screen.service import Screen, serving
from btcwatcher_api.screen.sessions import token_of
from btcwatcher_api.screen.settings import ScreenSettings
from btcwatcher_api.settings import load
from btcwatcher_api.strategies.registry import Registry
from support.bots import BOT_KEY

PASSWORD = "correct horse battery"
FREQUI = Path(__file__).parents[1] / "data" / "frequi"
"""A page that does what FreqUI does with its bots, so that no test needs FreqUI's build."""


@dataclass
class Browser:
    """What a browser does, as far as HTTP goes: it keeps the cookie, and FreqUI sends the token."""

    screen: Screen
    http: httpx.AsyncClient
    token: str = ""

    async def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        answer = await self.http.post("/sign-in", data={"username": name, "password": password, **more})
        if answer.status_code == 303:
            self.token = (await self.http.get("/btcwatcher/fleet")).json()["token"]
        return answer

    async def enter(self, database_url: str, user: User) -> None:
        """As if `user` had signed in a moment ago: passwords are slow on purpose."""
        secret = new_refresh_token(SCREEN_PREFIX)
        async with accounts(database_url) as engine, engine.begin() as connection:
            assert await repository.add_refresh_token(connection, secret_hash(secret), uuid4(), user, timedelta(days=1))
        self.http.cookies.set("btcwatcher-screen", secret)
        self.token = token_of(secret)

    def as_of(self, other: "Browser") -> None:
        """With the cookie and the token of another."""
        self.http.cookies.update(other.http.cookies)
        self.token = other.token

    async def ask(self, method: str, strategy: str, endpoint: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.http.request(method, self.path(strategy, endpoint), headers=headers, **options)

    @staticmethod
    def path(strategy: str, endpoint: str) -> str:
        return f"/bots/{strategy.replace('.', '/')}/api/v1/{endpoint}"


@contextlib.asynccontextmanager
async def showing(
    database_url: str, folder: Path, address: str, registry: Registry, **settings: Any
) -> AsyncIterator[Browser]:
    """A screen, and a browser that nobody has signed in yet."""
    key_file = folder / "bot.key"
    key_file.write_bytes(BOT_KEY)
    loaded = load(
        ScreenSettings,
        database_url=database_url,
        bot_key_file=key_file,
        bot_address=address,
        **{"frequi_dir": FREQUI, "port": 0, "metrics_port": 0, **settings},
    )
    async with serving(loaded, registry) as screen, browsing(screen) as browser:
        yield browser


@contextlib.asynccontextmanager
async def browsing(screen: Screen) -> AsyncIterator[Browser]:
    """Another browser."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{screen.port}", timeout=30) as http:
        yield Browser(screen, http)


@contextlib.asynccontextmanager
async def accounts(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The database as the API changes accounts in it."""
    engine = writing_engine(database_url, most=2, timeout=10)
    try:
        yield engine
    finally:
        await engine.dispose()


_hashes: list[str] = []


async def _password_hash() -> str:
    """Made once: it is slow on purpose."""
    if not _hashes:
        _hashes.append(await Passwords().hashed(PASSWORD))
    return _hashes[0]


async def add_user(database_url: str, name: str, role: Role) -> User:
    async with accounts(database_url) as engine, engine.begin() as connection:
        user = await repository.add(connection, name, await _password_hash(), role)
        assert user is not None
        return user


async def deactivate(database_url: str, user: User) -> None:
    async with accounts(database_url) as engine, engine.begin() as connection:
        await repository.change(connection, user, user.role, active=False)
