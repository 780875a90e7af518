"""Headlines from feeds, and the mood in them. All of it is hostile until it was cleaned."""
