"""The ``mesh`` command line, a file a theme."""
