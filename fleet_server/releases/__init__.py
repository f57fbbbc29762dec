"""Content releases on the server: the signed repository terminals verify, the files they fetch, who should run what."""
