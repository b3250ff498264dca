"""Takes the mails and webhooks of a local stack in, in place of those who would be told, and shows them on a page.

For trying out and testing: it answers yes to everything, asks nobody who they are, and forgets all when it ends.
"""
