"""Texts to rows of token ids: tokens and their places, vocabulary, padding, word vectors."""
