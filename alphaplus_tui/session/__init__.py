"""The only door: state to read, commands to send, queries to ask."""
