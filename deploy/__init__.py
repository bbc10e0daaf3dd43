"""Packages for a city's machines: bundle, Debian package, containers. Not part of the product."""
