"""What can be seen: frozen rows by slice, read by every screen and written in one place."""
