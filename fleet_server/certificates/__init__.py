"""The fleet's certificates: made, recorded, revoked; the signed list of those revoked, and who must leave the broker.

ca          makes them                     record      what was made, and what no longer holds
revoked     the signed list (CRL)          knock       how the broker is asked whom it lets in
eviction    a revoked terminal leaves      expiry      what ends when
"""
