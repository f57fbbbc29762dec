"""The terminals: who they are, what they should want, what they say of themselves, and what they are told to do."""
