"""The work, one service a file; each asks for the ports, events and settings that it uses.

What hears events at once (the spine) subscribes when it is built, so that nothing published between two runs of a
service is lost.
"""
