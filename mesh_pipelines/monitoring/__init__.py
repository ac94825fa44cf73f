"""Watching models live: drift of what they read and say, and how good they are once the outcomes are known."""
