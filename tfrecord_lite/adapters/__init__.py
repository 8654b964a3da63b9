"""Our files as input for other frameworks: one framework a module, and an extra that installs it."""
