"""The engines, one file each; a file is imported only when its engine is used."""
