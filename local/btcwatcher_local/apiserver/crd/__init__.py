"""CustomResourceDefinitions: checked, served and withdrawn."""
