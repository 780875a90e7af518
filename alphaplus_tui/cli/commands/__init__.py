"""The commands by theme: names, options and help; the work is done in the files beside this folder."""
