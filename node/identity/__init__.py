"""Identity: certificates of offices, who issues them, and what a receiver accepts.

Everything but `files` is pure. The keys of TLS are P-256: gRPC's TLS takes no Ed25519 certificate.
A certificate also names the Ed25519 key with which its office signs what it writes.

Face: `place`, `authority`, `chain`, `revocations`, `refusals`, `files`.
"""
