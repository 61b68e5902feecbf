"""The command line: a client that speaks HTTP to the service and nothing else.

::

    main       the commands put together, and how any of them ends
    commands   one module per noun: read options, make one call, show the answer
    views      how tickets and runs are laid out, for people and for pipes alike
    output     JSON, plain lines or a terminal; ``terminal`` draws the latter with Rich
    client     calls, pages, long polling; ``server`` says where to and with which token
    problems   the service's errors as one line with the remedy

What the service sends is text of strangers: ``text`` makes its control characters visible before
any of it is printed.
"""
