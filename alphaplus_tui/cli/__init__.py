"""The command line: reads what is wished for, opens a session, and puts faces on it."""
