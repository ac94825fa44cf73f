"""Rules of the federation, a module for each subject."""
