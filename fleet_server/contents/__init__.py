"""The pack: what authors write, checked word by word, and built into a release that terminals can trust."""
