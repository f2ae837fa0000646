"""Parts of schemas that several nodes share."""
