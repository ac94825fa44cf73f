"""Landing: files, objects and tables from outside, and what has changed among them."""
