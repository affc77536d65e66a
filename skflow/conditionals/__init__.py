"""One net for the distribution of any column of a table, given any of its other cells."""
