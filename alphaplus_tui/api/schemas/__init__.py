"""What answers look like, a file for each subject."""
