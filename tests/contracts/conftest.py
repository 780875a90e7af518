"""The server that the contract tests of the store run against."""

from tests.integration.storage.server import database, server, url

__all__ = ["database", "server", "url"]
