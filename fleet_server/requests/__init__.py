"""Contact requests: sealed on the kiosk, kept sealed, opened only while a counsellor reads."""
