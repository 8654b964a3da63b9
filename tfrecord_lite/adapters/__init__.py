"""Our files as input for other frameworks, one a module with an extra that installs it; and folders of images."""
