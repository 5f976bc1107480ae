"""The fault suite: the real client over real sockets, against the sandbox, with a proxy between them that breaks them.

`table` says what may go wrong and what comes of it, `operations` what is being done meanwhile, and `world` looks
afterwards at the sandbox's books, the journal, and everything that was said.
"""
