"""What is kept: PostgreSQL, embedded or by URL, and the spool on disk for while it is away."""
