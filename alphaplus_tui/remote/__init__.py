"""A session over a socket: the side that answers, and the side that asks."""
