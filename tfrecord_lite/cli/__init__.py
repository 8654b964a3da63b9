"""The command line, a command a file.

Each command module has NAME, HELP, `configure(parser)` and `run(arguments) -> exit code`. Results go to stdout,
progress and messages to stderr. Exit codes: 0 all is well, 1 the data is damaged or cannot be read, 2 the command
was called wrongly, 130 interrupted, 143 terminated.
"""
