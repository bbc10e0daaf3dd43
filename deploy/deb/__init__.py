"""The Debian package: the bundle's wheels in a tree of their own, and units for systemd."""
