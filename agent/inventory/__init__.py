"""What this machine is made of, read without any right, and told to the server when it holds another account of it.

host           the few ways to read files, each bounded, none of which fails
reading        the formats of the kernel and of Debian, from text to facts; pure
hardware, system, packages      which files say what
taking         the whole document, and the bytes that travel
teller         when it is taken, and whether it is sent
"""
