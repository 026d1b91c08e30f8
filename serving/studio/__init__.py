"""The studio: a page to explore served models; its files, and `pages`, which gives them out."""
