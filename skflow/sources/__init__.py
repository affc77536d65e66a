"""Tables that are read and not passed: files, queries, collections of Dask, blocks."""
