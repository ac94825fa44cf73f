"""The ``mesh`` command: what people type, a file a theme."""
