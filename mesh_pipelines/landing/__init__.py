"""What comes in from outside: files, objects, tables; what has changed."""
