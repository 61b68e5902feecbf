"""The command line: a client that speaks HTTP to the service and nothing else.

::

    main       how any command begins and ends
    catalogue  every command's name, function and examples; ``commanding`` makes commands of them
    signature  options and arguments, read from a function's signature
    commands   one module per noun: read options, make one call, show the answer
    views      how tickets and runs are laid out, for people and for pipes alike
    output     JSON, plain lines or a terminal: ``grid`` lays out lists, ``terminal`` the rest,
               ``screen`` pages
    client     calls, pages, long polling; ``transport`` is HTTP, ``server`` says where to and with
               which token
    problems   the service's errors as one line with the remedy

What the service sends is text of strangers: ``text`` makes its control characters visible before
any of it is printed. A command loads what it needs and no more; libraries that load slowly are
imported where they are used. Records that every command needs are named tuples: a data class takes
five times as long to make.
"""
