"""Tells alerts to the outside: messengers, mail, webhooks."""
