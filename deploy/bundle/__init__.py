"""The air-gapped bundle: wheels, list of parts, signed manifest, an installer without network."""
