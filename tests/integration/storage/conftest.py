"""The server that the tests of storage share."""

from tests.integration.storage.server import database, server, url

__all__ = ["database", "server", "url"]
