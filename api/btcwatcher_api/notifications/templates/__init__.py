"""What a message says: templates in English and Chinese, and those of users, over views of what they speak of."""
