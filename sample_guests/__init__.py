"""Guests that come along: sources and built images, one folder each."""
