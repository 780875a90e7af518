"""What screens are made of: panels drawn by line, status, hints."""
